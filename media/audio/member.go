package audio

import (
	"context"
	"math"
	"sync"
	"sync/atomic"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// MemberOptions are the options of Mixer.Join; nil and every zero field are valid.
type MemberOptions struct {
	Gain float64 // of what the others hear of it, in dB; see Member.Gain
	Mute bool    // see Member.Mute
	Deaf bool    // see Member.Deafen
	// Listen has it hear everybody and never be heard: a monitor. What it says is not decoded; it does not count among those who might
	// speak, and Mute does nothing.
	Listen bool
}

// mostGain and leastGain bound Member.Gain, in dB.
const (
	mostGain  = 24.0
	leastGain = -60.0
)

// A Member is one who takes part in a conference. Its methods are safe for concurrent use; none waits for the clock, but Leave for the
// member's own share of a turn.
type Member struct {
	m      *Mixer
	stream media.Stream
	listen bool

	muted, deaf, talking atomic.Bool
	gain                 atomic.Uint32 // a float32, by its bits

	mu   sync.Mutex // held while the member is heard and told
	over bool
	end  error
	done chan struct{}

	// Of the turn.
	from    *media.Reader
	p       media.Packet
	buf     [mostRead]byte
	jitter  *Jitter
	voice   *Voice
	floor   standing
	past    bool  // it has left since the turn began
	why     error // its stream is over, or what is sent is of no use any more
	presses presses

	pcm    []int16 // what it says
	silent bool
	loud   fade
	part   []int32 // what the others hear of it

	line    *shared // nil while nothing is negotiated
	codec   media.Codec
	event   *media.Codec // of the keys that others press
	key     [keySize]byte
	own     *line // of a mix without itself; kept for the next time
	ownFor  int   // turns left for which it is used
	ownLast uint64
	hearing fade
	mix     []int32

	seq    uint16 // of the next packet
	time   uint32
	begun  bool // something has been sent
	paused bool // the last turn had nothing to send
	stats  MemberStats
}

// MemberStats are the totals of a member.
type MemberStats struct {
	Jitter JitterStats // of what it says
	Sent   uint64      // packets to it, digits among them
	Failed uint64      // packets that its stream did not take
	Own    uint64      // turns in which what it heard was encoded for it alone
}

func newMember(m *Mixer, s media.Stream, o *MemberOptions) (*Member, error) {
	one := &Member{m: m, stream: s, done: make(chan struct{}), part: make([]int32, m.frame), mix: make([]int32, m.frame)}
	if o != nil {
		one.listen = o.Listen
		one.Mute(o.Mute)
		one.Deafen(o.Deaf)
		one.Gain(o.Gain)
	} else {
		one.Gain(0)
	}
	one.hearing.now = 1
	if !one.listen {
		one.pcm = make([]int16, m.frame)
		one.jitter = NewJitter(&JitterOptions{Rate: m.o.Rate})
		one.voice = NewVoice(&VoiceOptions{Rate: m.o.Rate})
	}
	return one, one.tune()
}

// Mute has the others not hear the member, as long as it is on.
func (one *Member) Mute(on bool) { one.muted.Store(on) }

// Deafen has the member hear nothing, as long as it is on: silence is sent to it.
func (one *Member) Deafen(on bool) { one.deaf.Store(on) }

// Gain makes what the others hear of the member louder by so many dB, or softer; -60 to 24.
func (one *Member) Gain(db float64) {
	if math.IsNaN(db) {
		return
	}
	one.gain.Store(math.Float32bits(gainOf(min(max(db, leastGain), mostGain))))
}

// Speaking reports whether the member has a voice now and the others hear it.
func (one *Member) Speaking() bool { return one.talking.Load() }

// Stats returns the totals since the member joined.
func (one *Member) Stats() MemberStats {
	one.mu.Lock()
	defer one.mu.Unlock()
	s := one.stats
	if one.jitter != nil {
		s.Jitter = one.jitter.Stats()
	}
	return s
}

// Leave takes the member out of the conference. Once it has returned nothing is written to the stream any more. It is idempotent.
func (one *Member) Leave() { one.leave(nil) }

// Wait returns when the member has left: nil after Leave, io.EOF if its stream has ended, an error that wraps a *codec.Error if it went
// over to a codec that this build does not encode, media.ErrClosed after Mixer.Close, or the context's error.
func (one *Member) Wait(ctx context.Context) error {
	select {
	case <-one.done:
		return one.end
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave ends the membership, the first time.
func (one *Member) leave(why error) {
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.over {
		return
	}
	one.over, one.end = true, why
	one.talking.Store(false)
	_ = one.from.Close()
	m := one.m
	m.mu.Lock()
	m.members = without(m.members, one)
	m.left = append(m.left, one)
	m.release(one.line)
	m.mu.Unlock()
	close(one.done)
}

// tune looks what the far side takes now. The error wraps a *codec.Error.
func (one *Member) tune() error {
	c := one.stream.Codec()
	if c == one.codec {
		return nil
	}
	m := one.m
	var l *shared
	if c != (media.Codec{}) {
		var err error
		if l, err = m.obtain(c); err != nil {
			return err
		}
	}
	m.mu.Lock()
	m.release(one.line)
	m.mu.Unlock()
	one.line, one.codec, one.own, one.ownFor = l, c, nil, 0
	one.event = new(media.TelephoneEvent(c.ClockRate))
	one.begun = false
	return nil
}

// step is how long a frame is on the clock of what is sent.
func (one *Member) step() uint32 { return uint32(one.codec.ClockRate / codec.FramesPerSecond) }
