package siptest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// A State is how far a call has come. It only grows.
type State uint8

// The states of a call.
const (
	Inviting State = iota // INVITE sent or received
	Ringing               // 180 sent or received
	Early                 // sound before the answer: a provisional response with a description
	Up                    // answered
	Ended
)

// String returns the name of s in lower case.
func (s State) String() string {
	switch s {
	case Inviting:
		return "inviting"
	case Ringing:
		return "ringing"
	case Early:
		return "early"
	case Up:
		return "up"
	case Ended:
		return "ended"
	}
	return fmt.Sprintf("state %d", s)
}

// Timers of RFC 3261 section 17.1.1.1. sipgo's are package variables that others may change.
const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
)

// A Call is one call of a Phone, in or out. Its methods are safe for concurrent use and stay useful after the call has ended.
type Call struct {
	dialog
	incoming bool
	invite   *sipmsg.Request // as received, or as first sent; not changed any more
	media    *media          // nil without media
	video    *videoStream    // nil without media or pictures
	quit     chan struct{}   // closed when a call that is not answered is to end
	pick     chan struct{}   // closed when the phone is told to answer
	acked    chan struct{}   // closed when the 200 has been acknowledged, or that is given up
	done     chan struct{}   // closed when the call has ended
	turn     chan struct{}   // holds a value while an offer in the dialog is under way

	state struct {
		sync.Mutex
		now       State
		before    State // the last state before Ended
		changed   chan struct{}
		responses []response
		final     bool    // a final response to the INVITE is on its way
		quitting  *ending // how the phone wants to end the call
		picked    bool
		ending    ending
		wantAck   uint32 // sequence number of the INVITE whose 2xx waits for its ACK; 0: none
		ack       chan *sipmsg.Request
		reoffers  bool   // the offer under way is the phone's own
		remoteSeq int64  // of the last request from the other side; -1: none
		inviteSeq uint32 // of the last INVITE that placed the call
		held      bool   // by the phone
		terms     *agreement
		local     string // descriptions as last sent and received
		remote    string
		early     []byte // description in the last provisional response
	}
}

// response is one response to the INVITE of a call.
type response struct {
	status int
	seq    uint32
	sdp    bool
}

// ending is how a call ended.
type ending struct {
	status   int
	reason   string
	byRemote bool
}

// newCall returns a call, with media unless the phone has none.
func (p *Phone) newCall(incoming bool) (*Call, error) {
	c := &Call{
		incoming: incoming,
		quit:     make(chan struct{}),
		pick:     make(chan struct{}),
		acked:    make(chan struct{}),
		done:     make(chan struct{}),
		turn:     make(chan struct{}, 1),
	}
	c.p = p
	c.turn <- struct{}{} // until the INVITE has been acknowledged
	c.state.changed, c.state.remoteSeq = make(chan struct{}), -1
	at := mediaAddr(p.addr)
	if !p.NoMedia {
		m, err := openMedia(p.addr.Addr(), p.start())
		if err != nil {
			return nil, err
		}
		c.media, at = m, portOf(m.rtp)
	}
	c.state.terms = newAgreement(p.User, p.codecs, at, randomID())
	if p.camera != nil {
		if err := c.openVideo(); err != nil {
			c.media.close()
			return nil, err
		}
	}
	return c, nil
}

// set moves the call to s, unless it is there or further.
func (c *Call) set(s State) {
	c.state.Lock()
	defer c.state.Unlock()
	c.move(s)
}

// move is set with c.state held.
func (c *Call) move(s State) {
	if s <= c.state.now {
		return
	}
	c.state.before, c.state.now = c.state.now, s
	close(c.state.changed)
	c.state.changed = make(chan struct{})
}

// end ends the call and reports whether it was this that ended it. It returns when the call's media has stopped.
func (c *Call) end(how ending) bool {
	c.state.Lock()
	if c.state.now == Ended {
		c.state.Unlock()
		return false
	}
	c.state.ending = how
	c.move(Ended)
	c.state.Unlock()
	close(c.done)
	c.p.remove(c)
	if c.media != nil {
		c.media.close()
	}
	if c.video != nil {
		c.video.close()
	}
	c.p.log.Debug("call ended", "status", how.status, "by_remote", how.byRemote)
	return true
}

// Incoming reports whether the call was placed by the other side.
func (c *Call) Incoming() bool { return c.incoming }

// State returns how far the call has come.
func (c *Call) State() State {
	c.state.Lock()
	defer c.state.Unlock()
	return c.state.now
}

// WaitState waits until the call is in state s or a later one. It fails when ctx ends, and when the call ends without having come as
// far as s.
func (c *Call) WaitState(ctx context.Context, s State) error {
	for {
		c.state.Lock()
		now, before, how, changed := c.state.now, c.state.before, c.state.ending, c.state.changed
		c.state.Unlock()
		switch {
		case now >= s && now != Ended, now == Ended && (s == Ended || before >= s):
			return nil
		case now == Ended:
			return fmt.Errorf("siptest: call ended before it was %s: %d %s", s, how.status, how.reason)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("siptest: call is %s, not %s: %w", now, s, ctx.Err())
		}
	}
}

// Ended returns how the call ended. A call that was answered and hung up has status 200. One that was not has the final status of its
// INVITE, or 408 when none came. The reason is the reason phrase, "BYE", or what a Reason header said. byRemote tells whether it was
// the other side that ended the call. All are zero while the call stands.
func (c *Call) Ended() (status int, reason string, byRemote bool) {
	c.state.Lock()
	defer c.state.Unlock()
	return c.state.ending.status, c.state.ending.reason, c.state.ending.byRemote
}

// Responses returns the statuses of the responses to the INVITE, in order: those received for a call out, those sent for a call in.
// Retransmissions of a final response are left out.
func (c *Call) Responses() []int {
	c.state.Lock()
	defer c.state.Unlock()
	all := make([]int, len(c.state.responses))
	for i, r := range c.state.responses {
		all[i] = r.status
	}
	return all
}

// HadSDP reports whether a response with the given status carried a session description.
func (c *Call) HadSDP(status int) bool {
	c.state.Lock()
	defer c.state.Unlock()
	return slices.ContainsFunc(c.state.responses, func(r response) bool { return r.status == status && r.sdp })
}

// Header returns the value of a header of the INVITE that began the call, "" when it has none. Several are joined with a comma.
func (c *Call) Header(name string) string {
	var values []string
	for _, h := range c.invite.GetHeaders(strings.ToLower(name)) {
		values = append(values, h.Value())
	}
	return strings.Join(values, ", ")
}

// LocalSDP returns the session description that the phone sent last, "" before there is one.
func (c *Call) LocalSDP() string {
	c.state.Lock()
	defer c.state.Unlock()
	return c.state.local
}

// RemoteSDP returns the session description that the other side sent last, "" before there is one.
func (c *Call) RemoteSDP() string {
	c.state.Lock()
	defer c.state.Unlock()
	return c.state.remote
}

// Heard returns what has been heard up to now. Without media it is empty.
func (c *Call) Heard() Recording {
	if c.media == nil {
		return Recording{}
	}
	return c.media.heard.recording()
}

// Digits returns the digits received as telephone events (RFC 4733) up to now.
func (c *Call) Digits() string {
	if c.media == nil {
		return ""
	}
	return c.media.heard.heardDigits()
}

// SendDigits sends digits (0-9, *, #, A-D) as telephone events of 100 ms each and returns when they are out. It fails when
// telephone-event is not agreed, when the call has ended and when ctx ends.
func (c *Call) SendDigits(ctx context.Context, digits string) error {
	if c.media == nil {
		return errors.New("siptest: digits cannot be sent: the phone has no media")
	}
	return c.media.sendDigits(ctx, digits)
}

// Answer answers an incoming call now, whatever the phone's AnswerAfter says. It does nothing when that has been done already.
func (c *Call) Answer() error {
	if !c.incoming {
		return errors.New("siptest: only an incoming call can be answered")
	}
	c.state.Lock()
	defer c.state.Unlock()
	if c.state.now == Ended {
		return errEnded
	}
	if !c.state.picked {
		c.state.picked = true
		close(c.pick)
	}
	return nil
}
