package mediaserver_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/mediaserver"
)

// TestRandomSessions lets phones, applications and requests do what they like: hang up at every moment, decide late, never or nonsense. What
// the application is asked has to be what the documents say, as an oracle of its own follows it.
func TestRandomSessions(t *testing.T) {
	sessions := uint64(1000)
	if raced {
		sessions = 200
	}
	for seed := range testutil.Seeds(t, sessions) {
		randomSession(t, seed)
	}
}

// TestSoakRandomSessions is TestRandomSessions for longer.
func TestSoakRandomSessions(t *testing.T) {
	if os.Getenv("ALEXACALL_SOAK") == "" {
		t.Skip("ALEXACALL_SOAK is not set")
	}
	for seed := range uint64(10000) {
		randomSession(t, 1e6+seed)
	}
}

func randomSession(t *testing.T, seed uint64) {
	onStage(t, func(s *stage) {
		o := &oracle{s: s, random: rand.New(rand.NewPCG(seed, 0)), pairs: map[string][2]string{}, names: map[string]string{}}
		names := []string{"a", "b", "c", "d"}
		for _, n := range names {
			p := s.phone(n, 0)
			p.answers, p.rings = o.pick(5) > 0, time.Duration(1+o.pick(900))*time.Millisecond
			if o.pick(8) == 0 {
				p.refuses = bridge.Busy
			}
		}
		s.phones[uri("a")].refuses = bridge.Normal
		s.server.RingFor = 1500 * time.Millisecond
		s.server.DecideFor = time.Second
		o.listen()
		if a := s.phones[uri("a")]; o.pick(3) > 0 {
			a.call()
		} else {
			a.answers = true
			_, err := s.server.Place(t.Context(), &mediaserver.CallOptions{Destination: mediaserver.Destination{Addr: a.uri}})
			s.ok(err)
		}
		for range 1 + o.pick(12) {
			s.after(time.Duration(1+o.pick(700)) * time.Millisecond)
			o.act(names)
		}
		o.mu.Lock()
		o.over = true
		o.mu.Unlock()
		if o.pick(10) == 0 {
			o.pull()
		}
		for !o.app().completed() { // everybody goes, also those who are called meanwhile
			for _, n := range names {
				o.hangup(n)
			}
			s.after(100 * time.Millisecond)
		}
		s.after(4 * time.Second) // an application that was not waited for comes to its end
		o.check(seed)
	})
}

// An oracle follows a session from outside, and knows what the application has to be asked.
type oracle struct {
	s      *stage
	random *rand.Rand
	over   bool // decide to drop from now on

	mu    sync.Mutex
	pairs map[string][2]string // caller and callee of the connections that are made and have not ended
	names map[string]string    // of the phones, by participant; an IVR has none
	want  []string             // events
	room  string
}

// pick returns a number below n.
func (o *oracle) pick(n int) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.random.IntN(n)
}

func (o *oracle) app() *script { return o.s.app }

func (o *oracle) listen() {
	app := o.app()
	app.newCall = func(e *mediaserver.NewCall) (*mediaserver.Action, error) {
		o.mu.Lock()
		o.names[e.ParticipantID] = "a"
		o.mu.Unlock()
		return o.decide("", "")
	}
	app.event = func(e *mediaserver.CallEvent) (*mediaserver.Action, error) {
		return o.decide(e.ParticipantID, e.ReplyID)
	}
	app.command = o.command
	app.told = func(n *mediaserver.Notice) {
		o.mu.Lock()
		defer o.mu.Unlock()
		switch n.Kind { //nolint:exhaustive // the others say nothing of connections
		case mediaserver.Ringing:
			o.names[n.ParticipantID] = n.User
		case mediaserver.Answered:
			for id, pair := range o.pairs { // who was with an IVR and is connected elsewhere
				if pair[0] == n.CallerID && o.names[pair[1]] == "" {
					delete(o.pairs, id)
				}
			}
			o.pairs[n.ConnectionID] = [2]string{n.CallerID, n.CalleeID}
		case mediaserver.Failed:
			o.want = append(o.want, "failed")
		}
	}
}

// decide is what the application says of a participant.
func (o *oracle) decide(participant, reply string) (*mediaserver.Action, error) {
	n, d := o.pick(16), o.pick(3)
	o.mu.Lock()
	if o.over {
		n = 0
	}
	peer := ""
	for _, id := range slices.Sorted(maps.Keys(o.names)) {
		if id != participant && peer == "" {
			peer = id
		}
	}
	o.mu.Unlock()
	time.Sleep([]time.Duration{110, 300, 900}[d] * time.Millisecond)
	switch {
	case n < 2:
		return drop()
	case n < 5:
		c := call(uri([]string{"b", "c", "d"}[d]))
		c.Record = d == 0
		if d == 1 {
			c.Monitor = uri("m")
		}
		return c, nil
	case n < 8:
		return ivr()
	case n == 8:
		return nil, errors.New("no idea")
	case n == 9:
		time.Sleep(2 * time.Second)
		return ivr()
	case n == 10:
		panic("of the application")
	case n == 11:
		return &mediaserver.Action{Kind: mediaserver.JoinConference, ConnectionID: "nonsense"}, nil
	case n == 12:
		return &mediaserver.Action{Kind: mediaserver.Connect, ParticipantID: peer, ReplyID: reply}, nil
	default:
		o.mu.Lock()
		defer o.mu.Unlock()
		return &mediaserver.Action{Kind: mediaserver.JoinConference, ConnectionID: o.room}, nil
	}
}

func (o *oracle) command(r *mediaserver.IVRRequest) (*mediaserver.Command, error) {
	n := o.pick(8)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		n = 7
	}
	switch n {
	case 0: // it leaves
		pair := o.pairs[r.ConnectionID]
		delete(o.pairs, r.ConnectionID)
		o.expect("calledPartyDrop", pair[0])
		return &mediaserver.Command{Hangup: true}, nil
	case 1: // it calls
		delete(o.pairs, r.ConnectionID)
		return &mediaserver.Command{Call: call(uri("b"))}, nil
	case 2: // it fails, and who was there is hung up
		delete(o.pairs, r.ConnectionID)
		return nil, errors.New("no idea")
	default:
		return &mediaserver.Command{After: time.Hour}, nil
	}
}

// expect is called with the lock.
func (o *oracle) expect(event, participant string) {
	o.want = append(o.want, fmt.Sprintf("%s %s", event, o.names[participant]))
}

// act is something that happens from outside while nothing else does.
func (o *oracle) act(names []string) {
	last := o.app().last()
	switch o.pick(5) {
	case 0:
		o.hangup(names[o.pick(len(names))])
	case 1:
		room, err := o.s.server.CreateConference(o.s.t.Context(), "", last.ReplyID)
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.room = room; err != nil && last.ConnectionID != "" && !o.app().completed() {
			o.s.t.Errorf("no conference: %v", err)
		}
	case 2:
		if last.ConnectionID == "" {
			return
		}
		o.mu.Lock()
		pair, stands := o.pairs[last.ConnectionID]
		o.mu.Unlock()
		err := o.s.server.Split(o.s.t.Context(), last.ConnectionID, last.ReplyID)
		o.mu.Lock()
		defer o.mu.Unlock()
		if (err == nil) != stands {
			o.s.t.Errorf("split of a connection that stands: %t: %v", stands, err)
		}
		if stands {
			delete(o.pairs, last.ConnectionID)
			o.expect("callerConnectionSplit", pair[0])
			o.expect("calleeConnectionSplit", pair[1])
		}
	case 3:
		if last.CallerID == "" || o.pick(3) > 0 {
			return
		}
		o.leaves(o.name(last.CallerID))
		_ = o.s.server.HangupParticipant(o.s.t.Context(), last.CallerID, last.ReplyID)
		o.s.after(time.Millisecond)
	}
}

func (o *oracle) name(participant string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.names[participant]
}

// pull ends the server with everybody on the line, of which nobody is asked.
func (o *oracle) pull() {
	o.mu.Lock()
	o.pairs = map[string][2]string{}
	o.mu.Unlock()
	ctx, cancel := context.WithCancel(o.s.t.Context())
	cancel()
	_ = o.s.server.Drain(ctx)
}

// hangup has a phone hang up.
func (o *oracle) hangup(name string) {
	p := o.s.phones[uri(name)]
	if p.line() == nil || p.line().Info().Phase == bridge.Over {
		return
	}
	o.leaves(name)
	p.hangup()
	o.s.after(time.Millisecond)
}

// leaves is when a phone is about to leave.
func (o *oracle) leaves(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for id, pair := range o.pairs {
		switch name {
		case o.names[pair[0]]:
			o.expect("callingPartyDrop", pair[1])
			delete(o.pairs, id)
		case o.names[pair[1]]:
			o.expect("calledPartyDrop", pair[0])
			delete(o.pairs, id)
		}
	}
}

// check compares what the application was asked with what it had to be: about each phone in this order, and about IVRs in any. Each call that has
// failed is one more event, about who waited for it, unless that one had left.
func (o *oracle) check(seed uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	failed, unasked := 0, false
	want := map[string][]string{} // by user
	for _, w := range o.want {
		if w == "failed" {
			failed++
			continue
		}
		event, user, _ := strings.Cut(w, " ")
		want[user] = append(want[user], event)
	}
	got := map[string][]string{}
	for _, e := range o.app().events {
		got[e.User] = append(got[e.User], eventNames[e.Event])
	}
	slices.Sort(want[""])
	slices.Sort(got[""])
	for user := range maps.Keys(got) {
		left := want[user]
		for _, event := range got[user] {
			switch {
			case len(left) > 0 && left[0] == event:
				left = left[1:]
			case event == "calledPartyDrop":
				failed--
			default:
				unasked = true
			}
		}
		want[user] = left
	}
	for user, left := range want {
		if len(left) > 0 {
			o.s.t.Errorf("seed %d: not asked about %q: %q", seed, user, left)
		}
	}
	if unasked || failed < 0 {
		o.s.t.Errorf("seed %d: asked what nobody had to be asked: %q, want in this order %q", seed, got, o.want)
	}
	if o.s.t.Failed() {
		o.s.t.Logf("told:\n%s", strings.Join(o.app().lines, "\n"))
	}
}
