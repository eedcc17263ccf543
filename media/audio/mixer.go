package audio

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// MixerOptions are the options of NewMixer; nil and every zero field are valid.
type MixerOptions struct {
	// Rate of the mix in Hz: 8000, 16000, 24000, 44100 or 48000; 0: 16000. A conference of telephones alone costs least at 8000.
	Rate int
	// Speakers is how many members are heard at once where there are more than Crowd: the loudest of those who speak. Zeros: 3 of more
	// than 8.
	Speakers, Crowd int
	// Digits passes the telephone events of a member to all others. Whoever is to hear a member's digits reads its stream.
	Digits bool
	// Codec are the options of what is encoded; their Rate is not looked at. Nil: as the codecs have it.
	Codec *codec.Options
}

const (
	mixerRate     = 16000
	mixerSpeakers = 3
	mixerCrowd    = 8
)

// A Mixer is a conference: each member hears all others. It takes one turn of a clock every 20 ms, which it shares among several cores if
// there are many members; members join and leave at any time and have no goroutine. Its methods are safe for concurrent use.
//
// What is sent is encoded once for all members with one codec who hear the same: those who do not speak. A member who speaks hears a mix
// of its own. Samples are added in 32 bits and limited softly, so that many loud voices are no more than loud.
type Mixer struct {
	o     MixerOptions
	frame int // samples in it
	stop  func()
	crew  crew
	tap   tap

	mu      sync.Mutex
	members []*Member // never changed in place
	left    []*Member // since the last turn
	lines   []*shared // never changed in place
	closed  bool

	// Of the turn; see turn.
	now, gone []*Member
	hears     func(i int)
	tells     func(i int)
	floor     floor
	standings []*standing
	pressing  []*Member // who has pressed keys
	sum       []int32
	before    past
	count     uint64 // of turns

	turns, mixed, encoded atomic.Uint64
}

// MixerStats are the totals of a Mixer.
type MixerStats struct {
	Members int    // now
	Turns   uint64 // of 20 ms
	Mixed   uint64 // samples of members that were added up, in all mixes together
	Encoded uint64 // frames, for members and for Reader
}

// NewMixer returns a conference without members, on a clock. Close it before the clock. It fails for a rate that is none of ours.
func NewMixer(c *Clock, o *MixerOptions) (*Mixer, error) {
	m := &Mixer{}
	if o != nil {
		m.o = *o
	}
	m.o.Rate, m.o.Speakers, m.o.Crowd = orElse(m.o.Rate, mixerRate), orElse(m.o.Speakers, mixerSpeakers), orElse(m.o.Crowd, mixerCrowd)
	m.frame = m.o.Rate / codec.FramesPerSecond
	m.floor = floor{speakers: max(m.o.Speakers, 1), crowd: max(m.o.Crowd, 1)}
	var err error
	if m.tap.line, err = newLine(codec.L16(m.o.Rate), m.o.Rate, nil); err != nil {
		return nil, fmt.Errorf("audio: no conference at %d Hz: %w", m.o.Rate, err)
	}
	m.tap.codec = codec.L16(m.o.Rate)
	m.sum = make([]int32, m.frame)
	m.before = newPast(m.frame)
	m.hears, m.tells = m.hear, m.tell
	m.crew.init(c.workers)
	m.stop = c.Every(m.turn)
	return m, nil
}

// Join adds a member: what arrives on s is heard by the others, and what they say is written to it. Until the member has left nothing else
// writes to s. It fails with an error that wraps a *codec.Error if this build does not encode what the far side takes, which is for
// codec.Speakable to avoid, and with media.ErrClosed.
func (m *Mixer) Join(s media.Stream, o *MemberOptions) (*Member, error) {
	one, err := newMember(m, s, o)
	if err != nil {
		return nil, err
	}
	one.from = s.Reader()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		m.release(one.line)
		_ = one.from.Close()
		return nil, media.ErrClosed
	}
	m.members = append(slices.Clip(m.members), one)
	return one, nil
}

// Members returns who is there.
func (m *Mixer) Members() []*Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.members)
}

// Reader returns a reader of the whole mix, as every member is heard, in packets of L16 of 20 ms. It ends with the conference. Close it.
func (m *Mixer) Reader() *media.Reader { return m.tap.fan.Open() }

// Stats returns the totals since the conference began.
func (m *Mixer) Stats() MixerStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return MixerStats{Members: len(m.members), Turns: m.turns.Load(), Mixed: m.mixed.Load(), Encoded: m.encoded.Load()}
}

// Close ends the conference: all members leave, with media.ErrClosed. It waits for the turn that is being taken, so nothing that this turn
// calls may call it. It is idempotent.
func (m *Mixer) Close() error {
	m.stop()
	m.mu.Lock()
	members := m.members
	m.closed = true
	m.mu.Unlock()
	for _, one := range members {
		one.leave(media.ErrClosed)
	}
	m.tap.fan.Close()
	return nil
}

// without returns a list that lacks x, and leaves the one it is given as it is.
func without[T comparable](list []T, x T) []T {
	i := slices.Index(list, x)
	if i < 0 {
		return list
	}
	return append(slices.Clip(list[:i]), list[i+1:]...)
}
