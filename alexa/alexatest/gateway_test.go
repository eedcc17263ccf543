package alexatest_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

const prefix = "Alexa.Comms.CallSignaling."

// skill is a skill and its cloud, written by hand from Amazon's pages: it verifies every event, and posts requests with a token.
// What it does with an event is up to the test.
type skill struct {
	t     testing.TB
	cloud *alexatest.Cloud
	http  *http.Client // to the cloud
	chain *http.Client // to s3.amazonaws.com
	// server receives events; nil in memory.
	server *httptest.Server

	// on is called for every event after it was answered, in the order of arrival.
	on func(event)
	// answer is the HTTP answer to events; nil: an empty response.
	answer http.HandlerFunc

	// lenient has say ignore refusals.
	lenient atomic.Bool

	mu    sync.Mutex
	token string
	seen  []event
	queue chan event
	wg    sync.WaitGroup
}

type event struct {
	Type      string `json:"type"`
	RequestID string `json:"requestId"`
	SessionID string `json:"sessionId"`
	SDP       struct{ Type, Value string }
	Details   struct{ Type, Value string }   `json:"sdpDetails"`
	Result    struct{ Code, Message string } `json:"callResult"`
	Kind      string                         `json:"renegotiationType"`
	Parties   []struct {
		ID           struct{ Type, Value string } `json:"id"`
		IsOriginator bool                         `json:"isOriginator"`
	} `json:"participants"`
}

// newSkill connects a skill to a cloud: over sockets, or in memory when the cloud has none.
func newSkill(t testing.TB, cloud *alexatest.Cloud, on func(event)) *skill {
	t.Helper()
	s := &skill{t: t, cloud: cloud, on: on, queue: make(chan event, 100)}
	if cloud.ChainAddr() == "" {
		s.http = &http.Client{Transport: cloud.RoundTripper(), Timeout: 10 * time.Second}
		s.chain = s.http
		cloud.SetSkillHandler(s)
	} else {
		s.http = &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
		s.chain = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if addr != "s3.amazonaws.com:443" {
					return nil, fmt.Errorf("dial %s", addr)
				}
				var d net.Dialer
				return d.DialContext(ctx, network, cloud.ChainAddr())
			},
			TLSClientConfig: &tls.Config{RootCAs: cloud.Roots()},
		}}
		s.server = httptest.NewServer(s)
		cloud.SetSkillURL(s.server.URL + "/skill")
	}
	s.wg.Go(func() {
		for e := range s.queue {
			if s.on != nil {
				s.on(e)
			}
		}
	})
	return s
}

// close ends the skill after the cloud is closed.
func (s *skill) close() {
	if s.server != nil {
		s.server.Close()
	}
	close(s.queue)
	s.wg.Wait()
	s.http.CloseIdleConnections()
	s.chain.CloseIdleConnections()
}

func (s *skill) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = s.verify(r, body)
	}
	var in struct {
		Version string `json:"version"`
		Request event  `json:"request"`
		Context struct {
			System struct {
				Application struct {
					ID string `json:"applicationId"`
				} `json:"application"`
				APIEndpoint string `json:"apiEndpoint"`
			} `json:"System"`
		} `json:"context"`
	}
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err == nil && (in.Context.System.Application.ID != s.cloud.SkillID() || in.Context.System.APIEndpoint != s.cloud.URL()) {
		err = errors.New("wrong application id or endpoint")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.seen = append(s.seen, in.Request)
	again := 0
	for _, e := range s.seen {
		if e.RequestID == in.Request.RequestID {
			again++
		}
	}
	s.mu.Unlock()
	if again == 1 {
		s.queue <- in.Request
	}
	if s.answer != nil {
		s.answer(w, r)
		return
	}
	receipt(w)
}

// receipt answers an event.
func receipt(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"version":"1.0","response":{}}`)
}

// verify does what Amazon's page "host a custom skill as a web service" asks for.
func (s *skill) verify(r *http.Request, body []byte) error {
	at, err := url.Parse(r.Header.Get("SignatureCertChainUrl"))
	if err != nil || at.Scheme != "https" || at.Host != "s3.amazonaws.com" || !strings.HasPrefix(at.Path, "/echo.api/") {
		return errors.New("bad chain URL")
	}
	res, err := s.chain.Get(at.String())
	if err != nil {
		return err
	}
	defer res.Body.Close()
	bundle, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("chain: %d %w", res.StatusCode, err)
	}
	var certs []*x509.Certificate
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return err
		}
		certs = append(certs, cert)
	}
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	_, err = certs[0].Verify(x509.VerifyOptions{
		DNSName: "echo-api.amazon.com", Roots: s.cloud.Roots(), Intermediates: between, CurrentTime: time.Now(),
	})
	if err != nil {
		return err
	}
	sig, err := base64.StdEncoding.DecodeString(r.Header.Get("Signature-256"))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if err := rsa.VerifyPKCS1v15(certs[0].PublicKey.(*rsa.PublicKey), crypto.SHA256, sum[:], sig); err != nil {
		return err
	}
	var in struct{ Request struct{ Timestamp time.Time } }
	if err := json.Unmarshal(body, &in); err != nil {
		return err
	}
	if age := time.Since(in.Request.Timestamp).Abs(); age > 150*time.Second {
		return fmt.Errorf("timestamp is %v off", age)
	}
	return nil
}

// bearer returns an access token, fetched when there is none yet or fresh is true.
func (s *skill) bearer(fresh bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != "" && !fresh {
		return s.token
	}
	res, err := s.http.PostForm(s.cloud.TokenURL(), url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {s.cloud.RefreshToken()},
		"client_id": {s.cloud.ClientID()}, "client_secret": {s.cloud.ClientSecret()},
	})
	if err != nil {
		s.t.Error(err)
		return ""
	}
	defer res.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		s.t.Error(err)
	}
	s.token = answer.AccessToken
	return s.token
}

// post sends a request and returns the status and body of the answer.
func (s *skill) post(ctx context.Context, body string) (int, string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cloud.URL()+"/v1/communications/signaling", strings.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return 0, ""
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.bearer(false))
	res, err := s.http.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(text)
}

// say posts a message of a session, with more properties as JSON members, and expects success.
func (s *skill) say(ctx context.Context, name, session string, more ...string) {
	s.t.Helper()
	if status, text := s.post(ctx, message(name, session, more...)); (status/100 != 2 || text != `{"sessionId":`+quote(session)+`}`) && !s.lenient.Load() {
		s.t.Errorf("%s: %d %s", name, status, text)
	}
}

func message(name, session string, more ...string) string {
	parts := append([]string{`"type":` + quote(prefix+name), `"sessionId":` + quote(session)}, more...)
	return "{" + strings.Join(parts, ",") + "}"
}

func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s)
	return strings.TrimSpace(b.String())
}

func sdpMember(kind, text string) string {
	return fmt.Sprintf(`"sdpDetails":{"type":%q,"value":%s}`, kind, quote(text))
}

const endedMember = `"callResult":{"code":"SUCCESS","message":"Call ended by user"}`

func parties(callee string) string {
	return fmt.Sprintf(`"participants":[{"id":{"type":"RAW_ADDRESS","value":"reception"},"isOriginator":true},`+
		`{"id":{"type":"RAW_ADDRESS","value":%q},"isOriginator":false}]`, callee)
}

// cannedSDP is a description that no media goes with. The formats are an m-line's, mid is that of the only section.
func cannedSDP(setup, mid, formats, dir string) string {
	return strings.Join([]string{
		"v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE " + mid,
		"m=audio 9 UDP/TLS/RTP/SAVPF " + formats, "c=IN IP4 127.0.0.1",
		"a=mid:" + mid, "a=setup:" + setup, "a=ice-ufrag:gate", "a=ice-pwd:gatewaygatewaygatewayg", "a=rtcp-mux", "a=" + dir,
		"a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/8000",
		"a=fingerprint:sha-256 " + strings.TrimSuffix(strings.Repeat("AB:", 32), ":"),
		"a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host", "",
	}, "\r\n")
}

// noViolations fails the test for every violation that the cloud has noted.
func noViolations(t testing.TB, cloud *alexatest.Cloud) {
	t.Helper()
	for _, v := range cloud.Violations() {
		t.Errorf("violation: %s", v)
	}
}

func newCloud(t testing.TB, o *alexatest.CloudOptions) *alexatest.Cloud {
	t.Helper()
	cloud, err := alexatest.NewCloud(o)
	if err != nil {
		t.Fatal(err)
	}
	return cloud
}

func newEcho(t testing.TB, cloud *alexatest.Cloud, id string, o *alexatest.EchoOptions) *alexatest.Echo {
	t.Helper()
	echo, err := cloud.NewEcho(id, o)
	if err != nil {
		t.Fatal(err)
	}
	return echo
}
