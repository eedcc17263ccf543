package alexatest_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// TestSendEvent sends good and bad events over sockets to a skill that verifies them, so the signature and the chain are judged by
// crypto/x509 and crypto/rsa.
func TestSendEvent(t *testing.T) {
	ctx := testContext(t)
	cloud := newCloud(t, nil)
	s := newSkill(t, cloud, nil)
	defer func() { cloud.Close(); s.close() }()
	request := map[string]any{"type": prefix + "CallRinging", "sessionId": "s-1"}
	for _, tt := range []struct {
		name  string
		fault *alexatest.EventFault
		want  int
		says  string
	}{
		{"good", nil, 200, ""},
		{"in time", &alexatest.EventFault{Age: 120 * time.Second}, 200, ""},
		{"bad signature", &alexatest.EventFault{BadSignature: true}, 400, "verification error"},
		{"no signature", &alexatest.EventFault{NoSignature: true}, 400, "bad chain URL"},
		{"another host", &alexatest.EventFault{ChainURL: "https://notamazon.com/echo.api/cert.pem"}, 400, "bad chain URL"},
		{"another path", &alexatest.EventFault{ChainURL: "https://s3.amazonaws.com/echo.api/none.pem"}, 400, "chain: 403"},
		{"expired", &alexatest.EventFault{Chain: alexatest.ChainExpired}, 400, "expired"},
		{"another name", &alexatest.EventFault{Chain: alexatest.ChainWrongName}, 400, "not echo-api.amazon.com"},
		{"untrusted", &alexatest.EventFault{Chain: alexatest.ChainUntrusted}, 400, "unknown authority"},
		{"another skill", &alexatest.EventFault{SkillID: "amzn1.ask.skill.x"}, 400, "wrong application id"},
		{"stale", &alexatest.EventFault{Age: 160 * time.Second}, 400, "off"},
		{"from the future", &alexatest.EventFault{Age: -160 * time.Second}, 400, "off"},
		{"malformed", &alexatest.EventFault{Body: []byte(`{"version":`)}, 400, "unexpected end"},
	} {
		status, body, err := cloud.SendEvent(ctx, request, tt.fault)
		if err != nil || status != tt.want || !strings.Contains(string(body), tt.says) {
			t.Errorf("%s: %d %s %v", tt.name, status, body, err)
		}
	}
	for range 2 {
		if _, _, err := cloud.SendEvent(ctx, request, &alexatest.EventFault{RequestID: "again"}); err != nil {
			t.Fatal(err)
		}
	}
	s.mu.Lock()
	seen := s.seen
	s.mu.Unlock()
	if n := len(seen); n != 4 || seen[n-1].RequestID != "again" || seen[n-2].RequestID != "again" || seen[0].RequestID == seen[1].RequestID {
		t.Errorf("requests seen: %+v", seen)
	}
	noViolations(t, cloud) // what a test does on purpose is none
}

// TestEnvelope compares an event with the members of Amazon's request reference.
func TestEnvelope(t *testing.T) {
	var got map[string]any
	var header http.Header
	cloud := newCloud(t, &alexatest.CloudOptions{NoSockets: true, SkillHandler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
	})})
	defer cloud.Close()
	type custom struct {
		Type string `json:"type"`
	}
	if _, _, err := cloud.SendEvent(t.Context(), custom{"LaunchRequest"}, nil); err != nil {
		t.Fatal(err)
	}
	at := func(path string) any {
		var v any = got
		for key := range strings.SplitSeq(path, ".") {
			m, _ := v.(map[string]any)
			v = m[key]
		}
		return v
	}
	for path, want := range map[string]any{
		"version":      "1.0",
		"request.type": "LaunchRequest",
		"context.System.application.applicationId": cloud.SkillID(),
		"context.System.apiEndpoint":               cloud.URL(),
	} {
		if at(path) != want {
			t.Errorf("%s is %v", path, at(path))
		}
	}
	for path, start := range map[string]string{
		"request.requestId":                            "amzn1.echo-api.request.",
		"context.System.user.userId":                   "amzn1.ask.account.",
		"context.System.device.deviceId":               "amzn1.ask.device.",
		"context.System.unit.persistentUnitId":         "amzn1.alexa.unit.did.",
		"context.System.apiAccessToken":                "eyJ",
		"context.System.user.permissions.consentToken": "eyJ",
		"request.timestamp":                            time.Now().UTC().Format("2006-01-02T"),
		"context.System.device.persistentEndpointId":   "amzn1.alexa.endpoint.did.",
	} {
		if s, _ := at(path).(string); !strings.HasPrefix(s, start) {
			t.Errorf("%s is %v", path, at(path))
		}
	}
	if header.Get("Content-Type") != "application/json;charset=UTF-8" || header.Get("Accept-Charset") != "utf-8" {
		t.Errorf("headers %v", header)
	}
	if e := cloud.Transcript(); len(e) != 1 || e[0].Type != "LaunchRequest" || e[0].Direction != alexatest.ToSkill ||
		!strings.Contains(e[0].String(), "alexa -> skill  LaunchRequest") {
		t.Errorf("transcript %v", e)
	}
}

// TestChainServer looks at the server that stands for S3: its certificate, and what it refuses.
func TestChainServer(t *testing.T) {
	cloud := newCloud(t, nil)
	defer cloud.Close()
	conn, err := tls.Dial("tcp", cloud.ChainAddr(), &tls.Config{RootCAs: cloud.Roots(), ServerName: "s3.amazonaws.com"})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if _, err := tls.Dial("tcp", cloud.ChainAddr(), &tls.Config{RootCAs: cloud.Roots(), ServerName: "example.com"}); err == nil {
		t.Error("the certificate stands for other hosts too")
	}
	if !strings.Contains(string(cloud.RootPEM()), "BEGIN CERTIFICATE") {
		t.Error("RootPEM is no PEM")
	}
	client := &http.Client{Transport: cloud.RoundTripper()}
	for url, want := range map[string]int{
		"https://s3.amazonaws.com:443/echo.api/x.pem": 403,
		cloud.URL() + "/v3/events":                    404,
		cloud.TokenURL():                              405,
	} {
		res, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d", url, res.StatusCode)
		}
	}
	if res, err := client.Get("https://example.com/"); err == nil {
		res.Body.Close()
		t.Error("another host is answered in memory")
	}
}

// TestUnreachableSkill has nobody listen where events are posted to.
func TestUnreachableSkill(t *testing.T) {
	cloud := newCloud(t, nil)
	defer cloud.Close()
	echo := newEcho(t, cloud, "7201", &alexatest.EchoOptions{NoMedia: true})
	if _, err := echo.Call(t.Context(), "reception"); err == nil {
		t.Error("a call without a skill")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cloud.SetSkillURL("http://" + l.Addr().String())
	l.Close()
	if _, err := echo.Call(t.Context(), "reception"); err == nil {
		t.Error("a call to a closed port")
	}
	if n := len(cloud.Violations()); n != 2 {
		t.Errorf("%d violations", n)
	}
	if calls := echo.Calls(); len(calls) != 2 || calls[1].State() != alexatest.StateEnded {
		t.Errorf("calls %v", calls)
	}
}

func TestNewEchoRefuses(t *testing.T) {
	cloud := newCloud(t, &alexatest.CloudOptions{NoSockets: true})
	defer cloud.Close()
	newEcho(t, cloud, "taken", nil)
	for name, o := range map[string]*alexatest.EchoOptions{
		"taken": nil,
		"":      nil,
		"codec": {Codecs: []string{"G729"}},
		"event": {Codecs: []string{"telephone-event"}},
		"code":  {Reject: "DECLINED"},
		"tone":  {Play: alexatest.Tone(4000)},
		"file":  {Play: alexatest.WAV("testdata/none.wav")},
	} {
		if _, err := cloud.NewEcho(name, o); err == nil || !strings.HasPrefix(err.Error(), "alexatest: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
