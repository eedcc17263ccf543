package engine

import (
	"time"

	"github.com/alexacall/alexacall/media"
)

// SetLimits sets how long far sides of e may take to be reached and to agree on keys. Call it before the first Open.
func SetLimits(e *Engine, connect, handshake time.Duration) {
	e.limits.connect, e.limits.handshake = connect, handshake
}

// SetMoved sets how long the old address of a far side must have been silent, before it is followed to a new one. Call it before the
// first Open.
func SetMoved(e *Engine, silence time.Duration) { e.limits.moved = silence }

// SetHeal sets how long a source must have been silent where it came from, before it is believed elsewhere. Call it before the first Open.
func SetHeal(e *Engine, silence time.Duration) { e.limits.heal = silence }

// FindLost lets e look at once which sources have fallen silent.
func FindLost(e *Engine) {
	e.mu.Lock()
	open := e.open()
	e.mu.Unlock()
	e.findLost(open, time.Now())
}

// SetConsent sets how long a far side may give no sign. Call it before the first Open.
func SetConsent(e *Engine, limit time.Duration) { e.limits.consent = limit }

// Report sends the RTCP that is due now and then.
func Report(m media.Terminal) {
	r := &m.(*terminal).reports
	r.mu.Lock()
	defer r.mu.Unlock()
	r.send(time.Now())
}

// SSRC returns that of the sound that m sends.
func SSRC(m media.Terminal) uint32 { return m.(*terminal).sound.out.ssrc.Load() }

// RemoteOf returns where m sends.
func RemoteOf(m media.Terminal) string { return m.(*terminal).transport.remote().String() }

// SilenceAt returns why nothing is heard of m's far side, and why nothing goes out to it, at a moment to come.
func SilenceAt(m media.Terminal, k media.Kind, now time.Time) (in, out media.Silence) {
	s := m.(*terminal).stream(k)
	return s.silenceIn(now), s.silenceOut(now)
}

// Fail stops m as its agent does when the far side's consent has run out.
func Fail(m media.Terminal, err error) { m.(*terminal).fail(err) }

// Replayed returns what SRTP says of a packet that has come before.
func Replayed(e *Engine) error { return e.replayed }

// Watch lets the engine look whether it is time to give m up, as it does once a second.
func Watch(m media.Terminal, now time.Time) { m.(*terminal).silent(now) }

// Bound returns how many addresses m owns.
func Bound(m media.Terminal) int {
	tr := m.(*terminal).transport
	s := tr.shard()
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(tr.bound)
}
