package mediaserver_test

import (
	"context"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/mediaserver"
)

func TestPartyOf(t *testing.T) {
	for text, want := range map[string]bridge.Party{
		"":                             {},
		"sip:a@hotel.example":          {URI: "sip:a@hotel.example"},
		" <sip:a@hotel.example> ":      {URI: "sip:a@hotel.example"},
		"+46701234567":                 {URI: "tel:+46701234567"},
		"<100>;tag=1":                  {URI: "tel:100"},
		"+":                            {URI: "+"},
		"room 7":                       {URI: "room 7"},
		`Ann <tel:+4670>;x=y`:          {URI: "tel:+4670", Name: "Ann"},
		`"Ann \"A\" \\" <sip:a@x;y=z>`: {URI: "sip:a@x;y=z", Name: `Ann "A" \`},
		`"a<b" <sip:a@x>`:              {URI: "sip:a@x", Name: "a<b"},
		`"`:                            {URI: `"`},
		`"<`:                           {},
		"<":                            {},
	} {
		if got := mediaserver.PartyOf(text); got != want {
			t.Errorf("%s is %+v, want %+v", text, got, want)
		}
	}
}

// asked is a Dialer that a destination was asked for.
type asked struct {
	*stage
	d *mediaserver.Destination
}

// Dial implements bridge.Dialer.
func (a asked) Dial(ctx context.Context, to string, o *bridge.DialOptions) (bridge.Leg, error) {
	c := *o
	c.From.Name = a.d.AssertedIdentity
	return a.stage.Dial(ctx, to, &c)
}

// TestDialerFor has destinations say who calls: in a call of somebody's, in one of ours, and where nothing can carry it out.
func TestDialerFor(t *testing.T) {
	onStage(t, func(s *stage) {
		a, b := s.phone("a", 300), s.phone("b", 500)
		to := mediaserver.Destination{Addr: b.uri, AssertedIdentity: "sip:front@hotel.example", From: "+4670"}
		s.server.DialerFor = func(d *mediaserver.Destination) bridge.Dialer { return asked{s, d} }
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) {
			return &mediaserver.Action{Kind: mediaserver.Call, Destination: to}, nil
		}
		s.app.command = func(*mediaserver.IVRRequest) (*mediaserver.Command, error) {
			return &mediaserver.Command{Hangup: true}, nil
		}
		log := &strings.Builder{}
		s.server.Logger = slog.New(slog.NewTextHandler(log, nil))
		from := func(want bridge.Party) {
			t.Helper()
			s.after(time.Second)
			if got := b.line().Info().From; got != want {
				t.Errorf("b is called by %+v, want %+v", got, want)
			}
		}
		a.call()
		from(bridge.Party{URI: "tel:+4670", Name: "sip:front@hotel.example"})
		a.hangup()
		s.after(time.Second)
		place := func() {
			_, err := s.server.Place(s.t.Context(), &mediaserver.CallOptions{Destination: to})
			s.ok(err)
		}
		place()
		from(bridge.Party{URI: "tel:+4670", Name: "sip:front@hotel.example"})
		s.server.DialerFor = nil
		place()
		from(bridge.Party{URI: "tel:+4670"})
		if n := strings.Count(log.String(), "there is no DialerFor"); n != 1 {
			t.Errorf("%d warnings, want 1:\n%s", n, log)
		}
		to.AssertedIdentity = ""
		place()
		from(bridge.Party{URI: "tel:+4670"})
		if n := strings.Count(log.String(), "there is no DialerFor"); n != 1 {
			t.Errorf("%d warnings, want 1:\n%s", n, log)
		}
	})
}

// TestCopyHeaders has header fields of a call go into another, but for those that are said anew.
func TestCopyHeaders(t *testing.T) {
	onStage(t, func(s *stage) {
		a, b := s.phone("a", 300), s.phone("b", 500)
		a.headers = map[string]string{"x-trace": "1", "x-room": "9", "x-secret": "2"}
		to := mediaserver.Destination{Addr: b.uri, CopyHeaders: []string{"X-Trace", "X-Room", "X-None"}, Headers: map[string]string{"X-Room": "7"}}
		var got []map[string]string
		s.server.DialerFor = func(d *mediaserver.Destination) bridge.Dialer {
			got = append(got, d.Headers)
			return s
		}
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) {
			return &mediaserver.Action{Kind: mediaserver.Call, Destination: to}, nil
		}
		for _, more := range []map[string]string{a.headers, nil} {
			a.headers = more
			a.call()
			s.after(time.Second)
			a.hangup()
			s.after(time.Second)
		}
		want := []map[string]string{{"X-Room": "7", "x-trace": "1"}, {"X-Room": "7"}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("called with %v, want %v", got, want)
		}
		if len(to.Headers) != 1 {
			t.Errorf("the application's own map has become %v", to.Headers)
		}
	})
}
