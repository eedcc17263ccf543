package sip_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/sip"
)

func packed(t *testing.T, encoding string, body []byte) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = zlib.NewWriter(&b)
	if encoding == "gzip" {
		w = gzip.NewWriter(&b)
	}
	_, _ = w.Write(body)
	_ = w.Close()
	return b.String()
}

// TestMessage takes messages of many kinds. What is refused never reaches the option.
func TestMessage(t *testing.T) {
	const scaip = "Content-Type: application/scaip+xml"
	for _, c := range []struct {
		name, body string
		extra      []string
		says       error
		status     int
		taken      string
		header     string // of the response
	}{
		{"plain", "<mrq/>", []string{scaip}, nil, 200, "<mrq/>", ""},
		{"with parameters", "<mrq/>", []string{"Content-Type: Application/SCAIP+xml; charset=utf-8"}, nil, 200, "<mrq/>", ""},
		{"deferred", "x", []string{scaip}, &sip.Error{Status: 202}, 202, "x", ""},
		{"no such user", "x", []string{scaip}, &sip.Error{Status: 404, Reason: "Who?"}, 404, "x", ""},
		{"busy", "x", []string{scaip}, &sip.Error{Status: 503, RetryAfter: 1500 * time.Millisecond}, 503, "x", "Retry-After: 2"},
		{"line break", "x", []string{scaip}, &sip.Error{Status: 400, Reason: "a\r\nX: y"}, 400, "x", ""},
		{"not readable", "x", []string{scaip}, &sip.Error{Status: 415}, 415, "x", "Accept: application/scaip+xml"},
		{"error", "x", []string{scaip}, errors.New("database"), 500, "x", ""},
		{"status of nothing", "x", []string{scaip}, &sip.Error{Status: 42}, 500, "x", ""},
		{"deflate", packed(t, "deflate", []byte("<mrq/>")), []string{scaip, "Content-Encoding: deflate"}, nil, 200, "<mrq/>", ""},
		{"gzip", packed(t, "gzip", []byte("<mrq/>")), []string{scaip, "e: gzip"}, nil, 200, "<mrq/>", ""},
		{"identity", "<mrq/>", []string{scaip, "Content-Encoding: identity"}, nil, 200, "<mrq/>", ""},
		{"bomb", packed(t, "deflate", make([]byte, 1<<20)), []string{scaip, "Content-Encoding: deflate"}, nil, 413, "", ""},
		{"cut off", packed(t, "deflate", []byte("<mrq/>"))[:9], []string{scaip, "Content-Encoding: deflate"}, nil, 400, "", ""},
		{"not deflated", "<mrq/>", []string{scaip, "Content-Encoding: deflate"}, nil, 400, "", ""},
		{"unknown encoding", "x", []string{scaip, "Content-Encoding: br"}, nil, 415, "", "Accept-Encoding: deflate, gzip, identity"},
		{"another type", "x", []string{"Content-Type: text/html"}, nil, 415, "", "Accept: application/scaip+xml"},
		{"no type", "", nil, nil, 415, "", "Accept: application/scaip+xml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []*sip.Message
				w := newWorld(t, &sip.Options{MessageTypes: []string{"application/scaip+xml"}, Message: func(_ context.Context, m *sip.Message) error {
					got = append(got, m)
					return c.says
				}})
				s := w.peer.call()
				text := s.send("MESSAGE", c.body, c.extra...)
				res := w.peer.response(c.status, "MESSAGE")
				w.peer.send(text)
				again := w.peer.response(c.status, "MESSAGE")
				if again.To().Value() != res.To().Value() {
					t.Errorf("a repeated delivery is answered anew:\n%s\n%s", res, again)
				}
				if name, value, _ := strings.Cut(c.header, ": "); name != "" && (res.GetHeader(name) == nil || res.GetHeader(name).Value() != value) {
					t.Errorf("no %s in\n%s", c.header, res)
				}
				if res.GetHeader("X") != nil || res.GetHeader("Contact") != nil || len(res.Body()) != 0 {
					t.Errorf("the response:\n%s", res)
				}
				switch {
				case c.taken == "" && len(got) != 0:
					t.Error("taken")
				case c.taken != "" && len(got) != 1:
					t.Errorf("taken %d times", len(got))
				case c.taken != "":
					m := got[0]
					if string(m.Body) != c.taken || m.From.URI != "sip:ann@example.com" || m.From.Name != `Ann "A" Lee` || m.To.URI != "sip:room@"+agentAddr || m.CallID != s.callID ||
						m.Source.String() != peerAddr || !strings.HasPrefix(strings.ToLower(m.ContentType), "application/scaip+xml") {
						t.Errorf("got %+v", m)
					}
				}
			})
		})
	}
}

// TestMessageBounds keeps messages in hand: beyond the limit there is no room, a panic costs one message, and Close waits for the rest.
func TestMessageBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, ended := make(chan struct{}), atomic.Int32{}
		w := newWorld(t, &sip.Options{MaxMessages: 2, Message: func(ctx context.Context, m *sip.Message) error {
			switch string(m.Body) {
			case "panic":
				panic("boom")
			case "wait":
				select {
				case <-release:
				case <-ctx.Done():
					ended.Add(1)
					return ctx.Err()
				}
			}
			return nil
		}})
		s := w.peer.call()
		say := func(body string) { w.peer.call().send("MESSAGE", body, "Content-Type: text/plain") }
		say("panic")
		w.peer.response(500, "MESSAGE")
		say("wait")
		say("wait")
		synctest.Wait() // each has a Call-ID of its own, so they are in no order
		say("one too many")
		if res := w.peer.response(503, "MESSAGE"); res.GetHeader("Retry-After") == nil {
			t.Errorf("no Retry-After:\n%s", res)
		}
		close(release)
		w.peer.response(200, "MESSAGE")
		w.peer.response(200, "MESSAGE")
		release = make(chan struct{})
		begin := time.Now()
		say("wait")
		w.peer.response(500, "MESSAGE")
		if took := time.Since(begin); took != 25*time.Second || ended.Load() != 1 {
			t.Errorf("the option's context ended after %v", took)
		}
		if got := w.agent.Stats(); got.Panics != 1 || got.Dropped != 1 {
			t.Errorf("%+v", got)
		}
		s.send("OPTIONS", "")
		if allow := w.peer.response(200, "OPTIONS").GetHeader("Allow"); !strings.Contains(allow.Value(), "MESSAGE") {
			t.Errorf("%s", allow)
		}
		say("wait")
		synctest.Wait()
		_ = w.agent.Close()
		if ended.Load() != 2 || len(goroutines()) != 0 {
			t.Errorf("after Close: %d ended, %v", ended.Load(), goroutines())
		}
	})
}

// TestMessageInCall takes a message within a call, and refuses one in a call that is not there.
func TestMessageInCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan *sip.Message, 1)
		w := newWorld(t, &sip.Options{Message: func(_ context.Context, m *sip.Message) error {
			got <- m
			return nil
		}})
		s := w.peer.call()
		l := s.up(w, nil)
		s.send("MESSAGE", "<x/>", "Content-Type: text/xml")
		w.peer.response(200, "MESSAGE")
		if m := <-got; m.CallID != l.CallID() || string(m.Body) != "<x/>" {
			t.Errorf("%+v", m)
		}
		stranger := w.peer.call()
		stranger.agentTag = "nobody"
		stranger.send("MESSAGE", "<x/>", "Content-Type: text/xml")
		w.peer.response(481, "MESSAGE")
		drained := async(func() error { return w.agent.Drain(background) })
		s.send("BYE", "")
		w.peer.response(200, "BYE")
		if err := <-drained; err != nil {
			t.Error(err)
		}
		w.peer.call().send("MESSAGE", "late", "Content-Type: text/plain")
		w.peer.response(503, "MESSAGE")
	})
}
