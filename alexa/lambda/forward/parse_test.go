package forward_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/lambda/forward"
	"github.com/alexacall/alexacall/internal/testutil"
)

// TestSignatureInterop has OpenSSL make the signature of what was sent, by the words of the package's documentation.
func TestSignatureInterop(t *testing.T) {
	testutil.Need(t, "openssl")
	var sent http.Header
	const event = "{\"private\":\"\\u00fc\n\"}\x00"
	f := &forward.Forwarder{URL: "https://calls.example.com/", Key: key(t, secretOne), HTTPClient: &http.Client{Transport: seen(func(r *http.Request) {
		sent = r.Header
	})}}
	if _, err := f.Forward(t.Context(), []byte(event)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "openssl", "dgst", "-sha256", "-hmac", secretOne, "-r")
	cmd.Stdin = strings.NewReader("alexacall-forward-1\n" + sent.Get("Alexacall-Time") + "\n" + sent.Get("Alexacall-Nonce") + "\n" + event)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if want, _, _ := strings.Cut(string(out), " "); sent.Get("Alexacall-Signature") != want || len(want) != 64 {
		t.Errorf("got %s, want %s", sent.Get("Alexacall-Signature"), want)
	}
}

// seen answers every request after it has been looked at.
type seen func(*http.Request)

func (s seen) RoundTrip(r *http.Request) (*http.Response, error) {
	s(r)
	rec := httptest.NewRecorder()
	_, _ = rec.WriteString("{}")
	return rec.Result(), nil
}

func TestKey(t *testing.T) {
	for _, n := range []int{0, 1, 31, 4097} {
		if _, err := forward.NewKey(make([]byte, n)); err == nil {
			t.Errorf("a key of %d bytes", n)
		}
	}
	k := key(t, secretOne)
	f, v := &forward.Forwarder{Key: k}, &forward.Receiver{Keys: []forward.Key{k}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", k, "keys", v.Keys, "f", f)
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v %s %q %x %d", k, k, k, k, k, k, k), fmt.Sprintf("%v %#v", v.Keys, v.Keys), fmt.Sprintf("%+v", f.Key), log.String(),
	} {
		if strings.Contains(text, secretOne) || strings.Contains(text, secretOne[:8]) || strings.Contains(text, fmt.Sprintf("%x", secretOne[:8])) {
			t.Errorf("shown: %s", text)
		}
	}
}

func TestForwarderNotSetUp(t *testing.T) {
	k := key(t, secretOne)
	never := &http.Client{Transport: seen(func(r *http.Request) { t.Errorf("%s was asked", r.URL) })}
	for _, f := range []*forward.Forwarder{
		{URL: "https://calls.example.com/"},
		{Key: k},
		{Key: k, URL: "http://calls.example.com/"},
		{Key: k, URL: "https:///x"},
		{Key: k, URL: "https://user:private@calls.example.com/"},
		{Key: k, URL: "https://calls example.com/"},
		{Key: k, URL: "calls.example.com"},
	} {
		f.HTTPClient = never
		if answer, err := f.Forward(t.Context(), []byte("{}")); err == nil || strings.Contains(err.Error(), "private") {
			t.Errorf("%s, %v", answer, err)
		}
	}
	f := &forward.Forwarder{Key: k, URL: "https://calls.example.com/", HTTPClient: never}
	if _, err := f.Forward(t.Context(), make([]byte, forward.MaxBody+1)); err == nil {
		t.Error("an event that is too long was sent")
	}
}

// TestAnswersOfTheServer are passed on, or told of in a word.
func TestAnswersOfTheServer(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		want   string
		says   string
	}{
		{200, "{}", "{}", ""},
		{200, "", "", ""},
		{200, strings.Repeat("x", forward.MaxBody+1), "", "more than"},
		{401, "clock", "", "401: clock"},
		{502, "<html>private", "", "forward: the server answered 502"},
		{302, "", "", "forward: the server answered 302"},
		{204, "", "", "forward: the server answered 204"},
	} {
		f := &forward.Forwarder{URL: "https://calls.example.com/", Key: key(t, secretOne), HTTPClient: &http.Client{Transport: said{tt.status, tt.body}}}
		got, err := f.Forward(t.Context(), []byte("{}"))
		if string(got) != tt.want || (err == nil) != (tt.says == "") || err != nil && (!strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "private")) {
			t.Errorf("%d: %s, %v", tt.status, got, err)
		}
	}
}

type said struct {
	status int
	body   string
}

func (s said) RoundTrip(*http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	rec.Header().Set("Location", "https://elsewhere.example.com/")
	rec.WriteHeader(s.status)
	_, _ = rec.WriteString(s.body)
	return rec.Result(), nil
}

// TestDirectives that are not answered get Alexa's words for it, and are not an error of the function.
func TestDirectives(t *testing.T) {
	const offer = `{"directive":{"header":{"namespace":"Alexa.RTCSessionController","name":"InitiateSessionWithOffer","messageId":"m","payloadVersion":"3",
		"correlationToken":"dFMb0z=="},"endpoint":{"scope":{"type":"BearerToken","token":"private"},"endpointId":"door-1","cookie":{}},"payload":{}}}`
	for _, tt := range []struct {
		event  string
		status int
		want   string
	}{
		{offer, 0, `{"namespace":"Alexa","name":"ErrorResponse","payloadVersion":"3","messageId":"*","correlationToken":"dFMb0z=="},"endpoint":{"endpointId":"door-1"},"payload":{"type":"BRIDGE_UNREACHABLE",`},
		{offer, 500, `"payload":{"type":"INTERNAL_ERROR",`},
		{`{"directive":{"header":{"namespace":"Alexa.Discovery","name":"Discover"},"payload":{"scope":{"token":"private"}}}}`, 0, `"messageId":"*"},"payload":{"type":"BRIDGE_UNREACHABLE"`},
		{`{"directive":{"header":{"namespace":"Alexa.Authorization","name":"AcceptGrant"}}}`, 401, `{"namespace":"Alexa.Authorization","name":"ErrorResponse","payloadVersion":"3","messageId":"*"},"payload":{"type":"ACCEPT_GRANT_FAILED"`},
		{`{"version":"1.0","request":{"type":"LaunchRequest"}}`, 0, ""},
		{`{"directive":null}`, 0, ""},
		{`{"directive":{"header":{}}}`, 0, ""},
		{`{"directive":`, 0, ""},
	} {
		var way http.RoundTripper = &link{fault: []fault{{wrote: true}}}
		if tt.status != 0 {
			way = said{tt.status, ""}
		}
		f := &forward.Forwarder{URL: "https://calls.example.com/", Key: key(t, secretOne), HTTPClient: &http.Client{Transport: way}}
		answer, err := f.Forward(t.Context(), []byte(tt.event))
		if tt.want == "" {
			if answer != nil || err == nil {
				t.Errorf("%s: %s, %v", tt.event, answer, err)
			}
			continue
		}
		var got struct {
			Event struct{ Header struct{ MessageID string } }
		}
		if err != nil || json.Unmarshal(answer, &got) != nil || got.Event.Header.MessageID == "" || len(got.Event.Header.MessageID) > 127 {
			t.Fatalf("%s: %s, %v", tt.event, answer, err)
		}
		text := strings.Replace(string(answer), got.Event.Header.MessageID, "*", 1)
		if !strings.Contains(text, tt.want) || strings.Contains(text, "private") {
			t.Errorf("%s: got %s, want %s", tt.event, text, tt.want)
		}
	}
}

// FuzzReceiver looks for a request that is handed over though nobody who has the key sent it.
func FuzzReceiver(f *testing.F) {
	k := key(f, secretOne)
	var right *http.Request
	from := &forward.Forwarder{URL: "https://calls.example.com/", Key: k, HTTPClient: &http.Client{Transport: seen(func(r *http.Request) { right = r })}}
	if _, err := from.Forward(f.Context(), []byte("{}")); err != nil {
		f.Fatal(err)
	}
	unix, nonce, sum := right.Header.Get("Alexacall-Time"), right.Header.Get("Alexacall-Nonce"), right.Header.Get("Alexacall-Signature")
	f.Add(unix, nonce, sum, []byte("{}"))
	f.Add(unix+"\n"+nonce, "x", sum, []byte("{}"))
	f.Add(unix, nonce+"\n{", sum, []byte("}"))
	f.Add("99999999999", "", strings.ToUpper(sum), []byte{})
	digits, word := regexp.MustCompile(`^[0-9]+\z`), regexp.MustCompile(`^[A-Za-z0-9-]{1,64}\z`)
	f.Fuzz(func(t *testing.T, u, n, s string, body []byte) {
		v := &forward.Receiver{Keys: []forward.Key{k}, Handle: func(_ context.Context, event []byte) ([]byte, error) {
			// Not compared with what was sent: fuzzing has other processes, which send with other nonces.
			mac := hmac.New(sha256.New, []byte(secretOne))
			_, _ = fmt.Fprintf(mac, "alexacall-forward-1\n%s\n%s\n%s", u, n, body)
			if !digits.MatchString(u) || !word.MatchString(n) || !strings.EqualFold(s, hex.EncodeToString(mac.Sum(nil))) || !bytes.Equal(event, body) {
				t.Errorf("handed over: %q %q %q %q", u, n, s, event)
			}
			return nil, nil
		}}
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header["Alexacall-Time"], r.Header["Alexacall-Nonce"], r.Header["Alexacall-Signature"] = []string{u}, []string{n}, []string{s}
		rec := httptest.NewRecorder()
		v.ServeHTTP(rec, r)
		if st := v.Stats(); rec.Code != 200 && st.Handled != 0 {
			t.Errorf("%d %s, %+v", rec.Code, rec.Body, st)
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
}

// FuzzDirectiveError answers any event whose connection broke, and never with what the event has in it but its ids.
func FuzzDirectiveError(f *testing.F) {
	f.Add([]byte(`{"directive":{"header":{"namespace":"Alexa","correlationToken":"t"},"endpoint":{"endpointId":"e"}}}`))
	f.Add([]byte(`{"directive":{"header":{"namespace":"Alexa.Authorization"},"endpoint":{}}}`))
	f.Add([]byte(`{"directive":[`))
	from := &forward.Forwarder{URL: "https://calls.example.com/", Key: key(f, secretOne), HTTPClient: &http.Client{Transport: said{500, ""}}}
	f.Fuzz(func(t *testing.T, event []byte) {
		answer, err := from.Forward(t.Context(), event)
		if (answer == nil) == (err == nil) || answer != nil && !json.Valid(answer) {
			t.Errorf("%s: %s, %v", event, answer, err)
		}
	})
}
