package bridge

import (
	"context"
	"time"

	"github.com/alexacall/alexacall/media"
)

// A Phase says how far a leg has come. It only grows.
type Phase uint8

// The phases of a leg.
const (
	Placed   Phase = iota // the call is there; nobody has been told of it yet
	Alerting              // the called party is being told
	Early                 // it is still being told, and media flows
	Up                    // accepted
	Over                  // ended, see EndError
)

// String returns the name of p.
func (p Phase) String() string {
	return nameOf(int(p), "placed", "alerting", "early", "up", "over")
}

// A Party is one of the two parties of a leg.
type Party struct {
	URI  string // as its protocol writes it: "sip:100@pbx.example.com", an external user id
	Name string // for people; may be empty
}

// Info is what is known of a leg at one moment. It is state and not an event, so that nothing is lost when a leg changes hands. Maps
// and plans in it are not to be changed.
type Info struct {
	Rev      uint64            // grows with each change; the first is 1
	ID       string            // unique in this process
	From, To Party             // the caller and the called, whichever of them is the far side
	Came     bool              // the far side is the caller: the leg came in; else it was dialled
	Attr     map[string]string // application data that travels with the call
	Phase    Phase
	Far      media.Plan // all that the far side last said it can do; nil: nothing yet
	Pending  bool       // Far is an offer that waits for Ring or Answer; the leg answers with what stands if nobody does in time
	Transfer *Transfer  // the far side asks to be replaced
	Placed   time.Time  // when the leg came to be
	Answered time.Time  // when it was accepted; zero before
}

// Party returns the party on the far side of the leg.
func (i Info) Party() Party {
	if i.Came {
		return i.From
	}
	return i.To
}

// A Transfer is the wish of a far side to be replaced. It is a wish of its own by its address: a leg that has two, one after the other, has
// two Transfers. Who carries it out calls Take, then Done, and takes charge of By. Who refuses it calls Done, and hangs up By unless that is
// Same, which stays with the leg that has the wish. The leg gives up a wish that nobody takes up for long.
type Transfer struct {
	To   string            // dial this in its place, or
	By   Leg               // this leg has come to take its place, and waits for Answer
	Same bool              // By is the same party on another leg, such as a device that has connected anew: no transfer, and always allowed
	Attr map[string]string // goes along when To is dialled: what the protocol of the leg has to tell itself
	Done func(error)       // tells the far side how it went, nil for well; called once, from any goroutine; it does not wait
	Take func() bool       // called before anything is done about the wish; false: it has been given up, By is not to be touched; nil: true
}

// A Leg is one side of a call: our end of the signalling and the media towards one far side. It is safe for concurrent use. A leg that
// has come in does nothing until Ring, Answer or Hangup. What a protocol has beyond this are methods of its concrete type.
//
// A method whose ctx ends returns its error; what it has begun goes on.
type Leg interface {
	// Info returns a snapshot.
	Info() Info
	// Next waits for a snapshot with Rev > rev. Once the leg is over and rev is that of the last snapshot it returns that snapshot and
	// the *EndError. Any number of callers may wait, each for itself.
	Next(ctx context.Context, rev uint64) (Info, error)
	// Media returns the media of the leg, the same for its whole life.
	Media() media.Endpoint
	// Ring tells the caller of a leg that came in that the called party is being told. With a plan that speaks for the called party it
	// also answers the pending offer, before acceptance: early media. On a leg that we dialled, or that has come further, it does
	// nothing.
	Ring(ctx context.Context, early media.Plan) error
	// Answer accepts a leg that came in; later it answers a pending offer; else it does nothing. want speaks for the other party of the
	// call, nil for all that the policy allows. What came of it is Media().Plan(). On an error a leg that is up has refused the offer,
	// and what stood stands.
	Answer(ctx context.Context, want media.Plan) error
	// Update offers the far side a change to what want says, and returns when it has answered. Nothing is sent if nothing would change.
	// An offer of the far side's that waits is answered first, with want. Glare and retries are the leg's. On an error what stood stands.
	Update(ctx context.Context, want media.Plan) error
	// Hangup ends the leg, whatever its phase, with the protocol's word for why. It returns when the far side has confirmed it, or ctx
	// ends; the leg is over for everybody here when Hangup begins. It is idempotent.
	Hangup(ctx context.Context, why Cause) error
}

// A Dialer places calls.
type Dialer interface {
	// Dial calls to and returns at the first sign of life, which is Alerting or later, or with an *EndError. If ctx ends first the
	// attempt is withdrawn.
	Dial(ctx context.Context, to string, o *DialOptions) (Leg, error)
}

// DialOptions are the options of Dialer.Dial; nil is valid.
type DialOptions struct {
	Plan media.Plan // what the calling party can do; nil: all the policy allows; empty: the called party makes the offer
	From Party      // the caller, as the called party is to see it; the dialer has a default
	Attr map[string]string
}

// A Bridge decides what becomes of a call that came in, as an http.Handler does of a request. Handle returns soon after ctx ends and
// leaves the leg up: who received the leg hangs it up when the outermost Handle returns, with the cause in the error if it is an
// *EndError.
type Bridge interface {
	Handle(ctx context.Context, in Leg) error
}

// Func makes a Bridge of a function.
type Func func(ctx context.Context, in Leg) error

// Handle calls f.
func (f Func) Handle(ctx context.Context, in Leg) error { return f(ctx, in) }
