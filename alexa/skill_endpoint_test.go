package alexa_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
)

// TestAnswerDoesNotWaitForTheBridge has a handler of calls that hangs, and another that takes a minute to dial: Amazon gets its answer at
// once, of every event.
func TestAnswerDoesNotWaitForTheBridge(t *testing.T) {
	for name, handle := range map[string]bridge.Func{
		"hangs": func(ctx context.Context, _ bridge.Leg) error { <-ctx.Done(); return context.Cause(ctx) },
		"slow": func(ctx context.Context, in bridge.Leg) error {
			time.Sleep(70 * time.Second)
			return in.Answer(ctx, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, props{bridge: handle}, func(t *testing.T, s *stage) {
				s.drained = context.DeadlineExceeded // of the handler that hangs, or of calls that nobody ends
				for i := range 10 {
					s.send(invitation(fmt.Sprint("s-", i), dtlsSDP))
				}
				s.send(map[string]any{"type": string(alexa.CallRingingAck), "sessionId": "s-1"})
				s.send(map[string]any{"type": string(alexa.CallEnded), "sessionId": "s-1"})
				s.took(0)
				synctest.Wait()
				if st := s.skill.Stats(); st.Calls != 10 || st.Events != 12 {
					t.Errorf("stats %+v", st)
				}
			})
		})
	}
}

// TestInvitationAgainUnderAnotherID is a call that Alexa makes again because our answer was lost, after the call has ended: it stays
// ended.
func TestInvitationAgainUnderAnotherID(t *testing.T) {
	play(t, props{bridge: bridge.Func(func(context.Context, bridge.Leg) error { return nil })}, func(t *testing.T, s *stage) {
		s.send(invitation("s-1", dtlsSDP))
		time.Sleep(time.Minute)
		s.wantStats(alexa.SkillStats{Calls: 1, Events: 1})
		s.send(invitation("s-1", dtlsSDP))
		s.wantStats(alexa.SkillStats{Calls: 1, Events: 2, Repeated: 1})
	})
}

// TestDirectiveReceipt answers the event that begins a call in the older form, each time that it comes, and all others as ever. The cloud
// holds the directive against the event.
func TestDirectiveReceipt(t *testing.T) {
	play(t, props{skill: func(k *alexa.Skill) { k.DirectiveReceipt = true }}, func(t *testing.T, s *stage) {
		call, _ := s.deviceTalks()
		must(t, call.Hangup(t.Context()))
		const named = `{"version":"1.0","response":{"directives":[{"type":"Alexa.Comms.CallSignaling.InitiateOutboundCall","providerSessionId":"s-1"}]}}`
		for range 2 { // Amazon's retry
			s.wantAnswer(invitation("s-1", dtlsSDP), &alexatest.EventFault{RequestID: "once"}, http.StatusOK, named)
		}
		s.wantAnswer(map[string]any{"type": string(alexa.CallEnded), "sessionId": "s-1"}, nil, http.StatusOK, receipt)
		s.wantAnswer(plain("LaunchRequest"), nil, http.StatusOK, receipt)
	})
}

// TestRefusedRequestsStartNothing holds that Amazon's own request is taken after what was refused had the same id and the same call.
func TestRefusedRequestsStartNothing(t *testing.T) {
	play(t, props{bridge: bridge.Func(func(context.Context, bridge.Leg) error { return nil })}, func(t *testing.T, s *stage) {
		for _, f := range []alexatest.EventFault{{BadSignature: true}, {NoSignature: true}, {Age: 200 * time.Second}, {SkillID: "amzn1.ask.skill.other"}} {
			f.RequestID = "once"
			s.wantAnswer(invitation("s-1", dtlsSDP), &f, http.StatusBadRequest, "bad request\n")
		}
		if n := len(s.engine.Terminals()); n != 0 {
			t.Errorf("%d terminals", n)
		}
		s.wantStats(alexa.SkillStats{Refused: 4})
		for range 3 { // Amazon's retries
			s.wantAnswer(invitation("s-1", dtlsSDP), &alexatest.EventFault{RequestID: "once"}, http.StatusOK, receipt)
		}
		s.wantStats(alexa.SkillStats{Calls: 1, Events: 1, Repeated: 2, Refused: 4})
	})
}

// TestClockIsNotForgery tells a wrong clock of ours from a forged request that is late besides.
func TestClockIsNotForgery(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		late := func(f alexatest.EventFault) string {
			t.Helper()
			before := len(s.log.String())
			f.Age = 10 * time.Minute
			s.wantAnswer(plain("LaunchRequest"), &f, http.StatusBadRequest, "bad request\n")
			return s.log.String()[before:]
		}
		if text := late(alexatest.EventFault{}); !strings.Contains(text, "clock") || strings.Contains(text, "signature") {
			t.Errorf("without a certificate: %s", text)
		}
		s.wantAnswer(plain("LaunchRequest"), nil, 200, receipt)
		if text := late(alexatest.EventFault{}); !strings.Contains(text, "refused: clock: ") || !strings.Contains(text, "the signature is Amazon's") {
			t.Errorf("Amazon's: %s", text)
		}
		if text := late(alexatest.EventFault{BadSignature: true}); !strings.Contains(text, "refused: signature: ") || strings.Contains(text, "clock") {
			t.Errorf("forged: %s", text)
		}
	})
}

// pipeListener is a listener in memory.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// serve serves the skill by HTTP, and returns what a client connects with.
func (s *stage) serve() (dial func() net.Conn) {
	l := &pipeListener{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: s.skill} // and no time limit of its own
	served := make(chan error)
	go func() { served <- server.Serve(l) }()
	s.t.Cleanup(func() {
		must(s.t, server.Close())
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			s.t.Error(err)
		}
	})
	return func() net.Conn {
		near, far := net.Pipe()
		l.conns <- far
		return near
	}
}

// TestSlowClients are cut off, whether they have shown a signature or not, and other clients are served meanwhile.
func TestSlowClients(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		dial := s.serve()
		head := func(more string) string {
			return "POST /alexa HTTP/1.1\r\nHost: skill.example.com\r\nContent-Length: 1000\r\n" + more + "\r\n"
		}
		const signed = "SignatureCertChainUrl: " + certURL + "\r\nSignature-256: AAAA\r\n"
		for _, tt := range []struct {
			name, head string
			drip       bool
			after      time.Duration
		}{
			{"no signature", head(""), false, 0},
			{"nothing of the body", head(signed), false, 5 * time.Second},
			{"a byte a second", head(signed), true, 5 * time.Second},
		} {
			c := dial()
			begin := time.Now()
			var wg sync.WaitGroup
			wg.Go(func() {
				_, _ = io.WriteString(c, tt.head)
				for tt.drip {
					time.Sleep(999 * time.Millisecond)
					if _, err := io.WriteString(c, "{"); err != nil {
						return
					}
				}
			})
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			must(t, err)
			if d := time.Since(begin); answer.StatusCode != http.StatusBadRequest || d != tt.after {
				t.Errorf("%s: %s after %v", tt.name, answer.Status, d)
			}
			must(t, answer.Body.Close())
			_, _ = io.Copy(io.Discard, c) // until the server has had enough
			if tt.name != "no signature" && !answer.Close {
				t.Errorf("%s: the connection stays", tt.name)
			}
			must(t, c.Close())
			wg.Wait()
		}
	})
}

// TestSlowHandlerKeepsItsContext has a handler take longer than a body may: the deadline of the body is over with the body.
func TestSlowHandlerKeepsItsContext(t *testing.T) {
	var ended error
	o := &other{serve: func(ctx context.Context, _ *alexa.Event) ([]byte, error) {
		time.Sleep(5500 * time.Millisecond)
		ended = ctx.Err()
		return []byte("1"), nil
	}}
	play(t, withOther(o), func(t *testing.T, s *stage) {
		dial := s.serve()
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(), nil }}
		s.cloud.SetSkillHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.Scheme, r.URL.Host, r.RequestURI = "http", "skill.example.com", ""
			res, err := transport.RoundTrip(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			w.WriteHeader(res.StatusCode)
			_, _ = io.Copy(w, res.Body)
		}))
		for range 2 { // on one connection
			s.wantAnswer(plain("LaunchRequest"), nil, 200, "1")
		}
		if ended != nil {
			t.Errorf("the handler's context has ended: %v", ended)
		}
		transport.CloseIdleConnections()
	})
}
