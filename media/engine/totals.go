package engine

import (
	"time"

	"github.com/alexacall/alexacall/media"
)

// moment is a time as a stream keeps it, in a third of the room of a time.Time: nanoseconds of its clock; 0: never.
type moment int64

// clock turns times into moments and back. It begins with the first of them.
type clock struct{ began time.Time }

func (c *clock) at(now time.Time) moment {
	if c.began.IsZero() {
		c.began = now
	}
	return max(0, moment(now.Sub(c.began))) + 1
}

// when returns the time of a moment; the zero Time for never.
func (c *clock) when(m moment) time.Time {
	if m == 0 {
		return time.Time{}
	}
	return c.began.Add(time.Duration(m - 1))
}

// since returns how long ago a moment was.
func (c *clock) since(m moment, now time.Time) time.Duration { return time.Duration(c.at(now) - m) }

// inTotals are what media.InStats tell, as far as they are counted.
type inTotals struct {
	packets, bytes, digits                     uint64
	late, blocked, unknown, bad                uint64
	replayed, duplicate, repaired, asked, lost uint64 // lost: of sources before this one
	first, last                                moment
}

// stats returns them, with times of a clock.
func (t *inTotals) stats(c *clock) media.InStats {
	return media.InStats{
		Packets: t.packets, Bytes: t.bytes, Digits: t.digits, Lost: t.lost, Late: t.late, Blocked: t.blocked, Unknown: t.unknown, Bad: t.bad,
		First: c.when(t.first), Last: c.when(t.last), Replayed: t.replayed, Duplicate: t.duplicate, Repaired: t.repaired, Asked: t.asked,
	}
}

// outTotals are what media.OutStats tell, as far as it is counted or reported.
type outTotals struct {
	packets, bytes, blocked, mismatched, failed, resent uint64
	first, last                                         moment
	trip, jitter                                        time.Duration // as the far side reports
	lost                                                uint32        // likewise
	ceiling                                             uint32
}

func (t *outTotals) stats(c *clock) media.OutStats {
	return media.OutStats{
		Packets: t.packets, Bytes: t.bytes, Blocked: t.blocked, Mismatched: t.mismatched, Failed: t.failed, First: c.when(t.first), Last: c.when(t.last),
		RemoteLost: t.lost, RemoteJitter: t.jitter, RoundTrip: t.trip, Resent: t.resent, Ceiling: t.ceiling,
	}
}
