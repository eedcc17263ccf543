package alexatest

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	tokenPath     = "/auth/o2/token"
	signalingPath = "/v1/communications/signaling"
)

// serveAPI serves the host of the cloud's URL.
func (c *Cloud) serveAPI(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case tokenPath:
		c.tokens.serve(w, r, c.violate)
	case signalingPath:
		c.handleSignaling(w, r)
	default:
		reply(w, http.StatusNotFound, map[string]string{"message": "no such path"})
	}
}

// serveChain serves https://s3.amazonaws.com.
func (c *Cloud) serveChain(w http.ResponseWriter, r *http.Request) {
	bundle, ok := c.signer.bundles[r.URL.Path]
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case !ok:
		w.WriteHeader(http.StatusForbidden) // as S3 answers when listing is not allowed
	default:
		w.Header().Set("Content-Type", "binary/octet-stream")
		_, _ = w.Write(bundle)
	}
}

func (s *signer) serverConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{s.tls}}
}

// handleSignaling serves POST /v1/communications/signaling (Amazon's page "alexa-callsignaling-requests-for-asp").
func (c *Cloud) handleSignaling(w http.ResponseWriter, r *http.Request) {
	m, job, err := c.takeRequest(w, r)
	sessionID := text(m.SessionID)
	if err != nil {
		c.refuse(w, m, asRefusal(err))
		return
	}
	fate, status := m.fate, c.faultsNow().successStatus()
	answered := c.record(FromSkill, fate.shown(status), m.note())
	gone := make(chan struct{})
	defer close(gone)
	done := job.start(gone, c.opts.AckFirst || fate.what != faultNone)
	if c.opts.AckFirst && done != nil {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}
	if fate.wait > 0 && !c.hold(r, fate.wait) {
		cut(w)
		return
	}
	switch fate.what {
	case AnswerLost:
		cut(w)
	case HalfBody:
		replyHalf(w, status, map[string]string{"sessionId": sessionID})
	default:
		reply(w, status, map[string]string{"sessionId": sessionID})
		answered(status)
	}
}

// refuse answers a request that is not taken.
func (c *Cloud) refuse(w http.ResponseWriter, m *message, refused *refusal) {
	c.record(FromSkill, refused.status, m.note())
	if refused.violation {
		c.violate("%v", refused)
	}
	if refused.status == statusCut {
		cut(w)
		return
	}
	if after := refused.retryAfter; after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	}
	reply(w, refused.status, map[string]string{"message": refused.Error()})
}

// takeRequest checks a request and gives it to its call. The message is never nil.
func (c *Cloud) takeRequest(w http.ResponseWriter, r *http.Request) (*message, job, error) {
	none := &message{}
	refusedToken, onPurpose := c.tokens.check(r.Header.Get("Authorization")), 0
	if refusedToken == 0 {
		if onPurpose = c.takeRefusal(); onPurpose == tokenExpired {
			refusedToken = c.tokens.revoke(r.Header.Get("Authorization"))
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessageBody))
	if err != nil {
		return none, job{}, refused(http.StatusBadRequest, "request body cannot be read or is too large", true)
	}
	m, faults := parseMessage(body)
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return m, job{}, refused(http.StatusMethodNotAllowed, "request is not a POST", true)
	case refusedToken == http.StatusUnauthorized:
		// Not a violation: tokens do expire.
		return m, job{}, refused(http.StatusUnauthorized, "access token missing or expired", false)
	case refusedToken != 0:
		return m, job{}, refused(refusedToken, "access token has no permission for "+scopeCalling, true)
	case onPurpose != 0:
		return m, job{}, c.refusedOnPurpose(onPurpose)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return m, job{}, refused(http.StatusBadRequest, "request has no Content-Type: application/json", true)
	}
	for _, f := range m.extra {
		c.violate("%s", f)
	}
	if len(faults) > 0 {
		for _, f := range faults {
			c.violate("%s", f)
		}
		return m, job{}, refused(http.StatusBadRequest, faults[0], false)
	}
	m.fate = c.drawFate(m)
	if f := m.fate.refused; f != nil {
		if f.status == http.StatusUnauthorized {
			c.tokens.revoke(r.Header.Get("Authorization"))
		}
		return m, job{}, f
	}
	j, err := c.dispatch(m)
	return m, j, err
}

// refusal is an error answer of the signaling endpoint.
type refusal struct {
	status    int
	text      string
	violation bool // against the interface, whatever the state of the call

	retryAfter time.Duration // 0: not said
}

func refused(status int, text string, violation bool) *refusal {
	return &refusal{status: status, text: text, violation: violation}
}

// Error implements error.
func (r *refusal) Error() string { return r.text }

func asRefusal(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	return refused(http.StatusInternalServerError, err.Error(), false)
}

// reply writes a JSON answer and sends it off.
func reply(w http.ResponseWriter, status int, body any) {
	answer, _ := json.Marshal(body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-RequestId", newUUID())
	w.WriteHeader(status)
	_, _ = w.Write(answer)
	_ = http.NewResponseController(w).Flush()
}

// RoundTripper returns an http.RoundTripper that answers requests to the host of [Cloud.URL] and to s3.amazonaws.com in memory, in
// the goroutine of the caller; requests to other hosts fail. It can be used inside a testing/synctest bubble.
func (c *Cloud) RoundTripper() http.RoundTripper { return memoryTransport{c} }

type memoryTransport struct{ c *Cloud }

// RoundTrip implements http.RoundTripper.
func (t memoryTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	h, err := t.c.memoryHandler(r.URL)
	if err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	return serveInMemory(h, r)
}

// serveInMemory answers a client's request in the goroutine of the caller.
func serveInMemory(h http.Handler, r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	rec := &memoryWriter{ResponseRecorder: httptest.NewRecorder()}
	h.ServeHTTP(rec, in)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.result(r)
}

func (c *Cloud) memoryHandler(u *url.URL) (http.Handler, error) {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	own, _ := url.Parse(c.url)
	switch {
	case closed:
		return nil, ErrClosed
	case strings.EqualFold(u.Host, own.Host):
		return http.HandlerFunc(c.serveAPI), nil
	case strings.EqualFold(strings.TrimSuffix(u.Host, ":443"), chainHost) && u.Scheme == "https":
		return http.HandlerFunc(c.serveChain), nil
	default:
		return nil, fmt.Errorf("alexatest: no host %q in memory", u.Host)
	}
}

// handleInMemory passes an event to the skill's handler in a goroutine of its own, so that a handler that does not return in time
// is noticed.
func (c *Cloud) handleInMemory(h http.Handler, r *http.Request, body []byte) (int, http.Header, []byte, error) {
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	in.Body = io.NopCloser(bytes.NewReader(body))
	result := make(chan *httptest.ResponseRecorder, 1)
	if !c.run(func() {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, in)
		result <- rec
	}) {
		return 0, nil, nil, ErrClosed
	}
	select {
	case rec := <-result:
		return rec.Code, rec.Header(), rec.Body.Bytes(), nil
	case <-r.Context().Done():
		return 0, nil, nil, fmt.Errorf("alexatest: %w", r.Context().Err())
	}
}
