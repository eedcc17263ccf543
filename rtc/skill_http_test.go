package rtc_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/rtc"
)

func TestHTTP(t *testing.T) {
	body := func(s *stage, typ rtc.MessageType) string {
		b, err := (&rtc.Directive{Header: rtc.Header{Type: typ, MessageID: "m"}, Token: secret}).AppendJSON(nil)
		must(s.t, err)
		return string(b)
	}
	for name, c := range map[string]struct {
		method string
		body   func(*stage) io.Reader
		skill  func(*rtc.Skill)
		status int
	}{
		"a directive":       {"POST", func(s *stage) io.Reader { return strings.NewReader(body(s, rtc.Discover)) }, nil, 200},
		"a GET":             {"GET", func(*stage) io.Reader { return http.NoBody }, nil, 405},
		"nonsense":          {"POST", func(*stage) io.Reader { return strings.NewReader("{") }, nil, 400},
		"too much":          {"POST", func(*stage) io.Reader { return strings.NewReader(strings.Repeat(" ", rtc.MaxDirective+1)) }, nil, 400},
		"a body that ends":  {"POST", func(*stage) io.Reader { return broken{} }, nil, 400},
		"without Authorize": {"POST", func(s *stage) io.Reader { return strings.NewReader(body(s, rtc.Discover)) }, func(k *rtc.Skill) { k.Authorize = nil }, 403},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, c.skill, func(t *testing.T, s *stage) {
				w := httptest.NewRecorder()
				s.skill.ServeHTTP(w, httptest.NewRequest(c.method, "/", c.body(s)))
				want(t, "status", w.Code, c.status)
				got := s.skill.Stats()
				if c.status == 200 {
					e, err := rtc.ParseEvent(w.Body.Bytes())
					must(t, err)
					want(t, "type", e.Type, rtc.DiscoverResponse)
					want(t, "refused", got.Refused, uint64(0))
					return
				}
				want(t, "refused", got.Refused, uint64(1))
				want(t, "directives", got.Directives, uint64(0))
			})
		})
	}
}

func TestHTTPBodyTakesFromTheTime(t *testing.T) {
	play(t, func(k *rtc.Skill) { k.DoorTime = -1 }, func(t *testing.T, s *stage) {
		echo := s.session("front")
		b, err := echo.offer.AppendJSON(nil)
		must(t, err)
		w := httptest.NewRecorder()
		s.skill.ServeHTTP(w, httptest.NewRequest("POST", "/", io.MultiReader(slow(2*time.Second), strings.NewReader(string(b)))))
		s.took(rtc.AnswerTime)
		e, err := rtc.ParseEvent(w.Body.Bytes())
		must(t, err)
		want(t, "error", e.Fault.Type, rtc.EndpointUnreachable)
	})
}

// broken is a body that never comes to its end.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("reset") }

// slow is a body that has nothing in it, after a while.
type slow time.Duration

func (s slow) Read([]byte) (int, error) { time.Sleep(time.Duration(s)); return 0, io.EOF }
