package engine

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
)

// peer returns how to send to a far side: under a channel number, or in an indication where that is 0. It is not known while something
// of it has to be asked for, by want. media says that more is to come, so that a channel pays.
func (c *turnClient) peer(to netip.AddrPort, media bool) (number uint16, known, ok bool) {
	if ch := c.channels[to]; ch != nil {
		touch(&ch.used)
		touch(&ch.permit.used)
		if ch.ready {
			return ch.number, true, true
		}
		media = false
	}
	p := c.permits[to.Addr()]
	if p == nil {
		return 0, false, false
	}
	touch(&p.used)
	return 0, !media || p.no, !p.no
}

// want asks for the permission to send to a far side and, for media, for a channel.
func (c *turnClient) want(now time.Time, to netip.AddrPort, media bool) {
	if c.phase != turnUp || to.Addr().Is6() != c.six {
		return
	}
	p := c.permits[to.Addr()]
	if p == nil {
		if len(c.permits) >= maxPermits {
			return
		}
		p = &turnPermit{addr: to.Addr()}
		c.permits[p.addr] = p
		c.permit(now, p)
	}
	if media && !p.no && c.channels[to] == nil {
		c.bind(now, to, p)
	}
}

func (c *turnClient) permit(now time.Time, p *turnPermit) {
	p.no, p.renew = false, now.Add(permitRenewed)
	c.request(now, &turnRequest{method: stun.MethodCreatePermission, permit: p})
}

// bind asks for a channel, if there is a number for it. Without one, indications do.
func (c *turnClient) bind(now time.Time, to netip.AddrPort, p *turnPermit) {
	if len(c.numbers) > channelLast-channelFirst {
		return
	}
	for taken := true; taken; {
		if c.number++; c.number > channelLast {
			c.number = channelFirst
		}
		taken = c.numbers[c.number] != nil
	}
	ch := &turnChannel{peer: to, permit: p, number: c.number, end: now.Add(channelKept)}
	c.channels[to], c.numbers[ch.number] = ch, ch
	c.rebind(now, ch)
}

func (c *turnClient) rebind(now time.Time, ch *turnChannel) {
	ch.renew = now.Add(permitRenewed)
	c.request(now, &turnRequest{method: stun.MethodChannelBind, channel: ch})
}

// tick does what is due and returns when there is more to do.
func (c *turnClient) tick(now time.Time) time.Time {
	if c.phase == turnLeaving && !now.Before(c.end) {
		c.over(nil)
	}
	if !now.Before(c.sweep) {
		c.sweep = now.Add(turnSweep)
		c.renew(now)
	}
	for id, r := range c.pending {
		if !now.Before(r.next) {
			c.repeat(now, id, r)
		}
	}
	if c.phase == turnUp && !now.Before(c.refresh) {
		c.refresh = now.Add(time.Hour) // the response says
		c.request(now, &turnRequest{method: stun.MethodRefresh})
	}
	return c.due()
}

// due returns when the next tick has something to do.
func (c *turnClient) due() time.Time {
	next := c.sweep
	if c.phase == turnUp && c.refresh.Before(next) {
		next = c.refresh
	}
	if c.phase == turnLeaving && c.end.Before(next) {
		next = c.end
	}
	for _, r := range c.pending {
		if r.next.Before(next) {
			next = r.next
		}
	}
	return next
}

// repeat sends a request again, or gives it up.
func (c *turnClient) repeat(now time.Time, id transactionID, r *turnRequest) {
	if !c.stream && r.sent < turnTries {
		r.next = now.Add(c.limits.turnRTO << r.sent)
		r.sent++
		c.out = append(c.out, r.raw)
		return
	}
	delete(c.pending, id)
	switch {
	case r.permit != nil:
		delete(c.permits, r.permit.addr) // who needs it asks again
		c.doubt(now)
	case r.channel != nil:
		r.channel.renew = now.Add(turnSweep)
		c.doubt(now)
	case c.phase == turnLeaving:
		c.over(nil)
	default:
		c.over(errTURNSilent)
	}
}

// doubt has the allocation refreshed now: something says that it may be gone.
func (c *turnClient) doubt(now time.Time) {
	if c.phase != turnUp {
		return
	}
	for _, r := range c.pending {
		if r.method == stun.MethodRefresh {
			return
		}
	}
	c.refresh = now
}

// renew renews permissions and channels that have been used, and forgets the others.
func (c *turnClient) renew(now time.Time) {
	if c.phase != turnUp {
		return
	}
	for addr, p := range c.permits {
		switch {
		case now.Before(p.renew):
		case p.used.Swap(false):
			c.permit(now, p)
		default:
			delete(c.permits, addr)
		}
	}
	for to, ch := range c.channels {
		switch {
		case now.Before(ch.renew):
		case ch.used.Swap(false):
			c.rebind(now, ch)
		case now.After(ch.end):
			delete(c.channels, to)
			delete(c.numbers, ch.number)
		default:
			ch.ready = false // its permission ends
			ch.renew = now.Add(turnSweep)
		}
	}
}

// touch sets what is mostly set.
func touch(b *atomic.Bool) {
	if !b.Load() {
		b.Store(true)
	}
}
