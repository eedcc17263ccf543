package testutil

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// maxDelayed is how many packets one [ImpairedConn] holds back; further ones are lost.
const maxDelayed = 8192

// Impairment says what an [ImpairedConn] does to the packets written to it. The zero value does nothing.
// Shares are from 0 to 1. What happens to the n-th packet depends on Seed and n alone.
type Impairment struct {
	Seed      uint64
	Loss      float64       // share of packets that are lost
	Duplicate float64       // share of packets that are sent twice
	Reorder   float64       // share of packets that are held back by ReorderBy, so that later ones overtake them
	ReorderBy time.Duration // 0: 30 ms, which one packet of every 20 ms overtakes
	Delay     time.Duration // of every packet
	Jitter    time.Duration // up to this much more, evenly spread; it may reorder packets

	// Rebind is how many packets the NAT before the sender keeps a port for: after half to one and a half of so many it has forgotten it,
	// and the next one goes out from another port, that of Listen. 0: it keeps the port.
	Rebind int
	// Listen opens that other port. The [ImpairedConn] owns what it returns.
	Listen func() (net.PacketConn, error)

	// Drop loses each packet for which it returns true, before anything else is decided. Calls do
	// not overlap. It must not keep p. [DropNext] makes the common one.
	Drop func(p []byte, to net.Addr) bool
}

// DropNext returns an [Impairment.Drop] that loses the first n packets that match; nil matches all.
func DropNext(n int, match func(p []byte) bool) func(p []byte, to net.Addr) bool {
	return func(p []byte, _ net.Addr) bool {
		if n <= 0 || (match != nil && !match(p)) {
			return false
		}
		n--
		return true
	}
}

// ImpairCounts says what an [ImpairedConn] has done so far. A packet may be counted under several.
type ImpairCounts struct {
	Written    uint64 // packets given to WriteTo
	Lost       uint64 // by Loss, by Drop, or because too many were held back
	Duplicated uint64
	Reordered  uint64 // held back by ReorderBy
	Failed     uint64 // delayed packets whose sending failed
	Rebound    uint64 // ports that the NAT has forgotten
}

// ImpairedConn is a net.PacketConn that spoils what is written to it. Reading goes through untouched, from the port that the NAT has given
// last.
type ImpairedConn struct {
	o Impairment

	mu      sync.Mutex
	conn    net.PacketConn
	nat     nat
	rand    *rand.Rand
	counts  ImpairCounts
	held    []heldPacket // the first due comes first
	timer   *time.Timer  // for held[0]; nil while there is none or it has fired
	armed   uint64       // counts timers, so that one that fired too late knows
	sending bool         // a goroutine writes what is due
	closed  bool

	running sync.WaitGroup // timers set and not taken back, and the goroutines they start
}

// Impair wraps conn, which the result then owns: closing the result closes conn. What is still held
// back then is lost.
func Impair(conn net.PacketConn, o Impairment) *ImpairedConn {
	if o.ReorderBy == 0 {
		o.ReorderBy = 30 * time.Millisecond
	}
	return &ImpairedConn{o: o, conn: conn, nat: newNAT(o), rand: rand.New(rand.NewPCG(o.Seed, 0x9e3779b97f4a7c15))}
}

// Counts returns what has happened so far.
func (c *ImpairedConn) Counts() ImpairCounts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}

// WriteTo sends the packet, or does to it what the [Impairment] says. A packet that is lost or held
// back counts as written.
func (c *ImpairedConn) WriteTo(b []byte, to net.Addr) (int, error) {
	copies, wait, err := c.decide(b, to)
	if err != nil {
		return 0, err
	}
	if wait > 0 {
		return len(b), nil
	}
	for range copies {
		if n, err := c.write(b, to); err != nil {
			return n, err
		}
	}
	return len(b), nil
}

// WriteToUDPAddrPort is WriteTo for code that prefers netip addresses.
func (c *ImpairedConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return c.WriteTo(b, net.UDPAddrFromAddrPort(to))
}

// ReadFromUDPAddrPort is ReadFrom for code that prefers netip addresses. The wrapped connection's
// addresses must be *net.UDPAddr.
func (c *ImpairedConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, err := c.ReadFrom(b)
	if err != nil {
		return n, netip.AddrPort{}, err
	}
	addr, ok := from.(*net.UDPAddr)
	if !ok {
		return n, netip.AddrPort{}, errors.New("testutil: the sender's address is not a *net.UDPAddr")
	}
	return n, addr.AddrPort(), nil
}

// Close loses what is held back, waits for what is being sent, and closes the wrapped connection.
func (c *ImpairedConn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.counts.Lost += uint64(len(c.held))
	c.held = nil
	c.stopTimer()
	conn := c.conn
	c.mu.Unlock()
	err := conn.Close() // first, so that a write that waits returns
	c.running.Wait()
	return err
}

// decide draws a packet's fate: how many copies go out at once, or, where wait is above 0, it has
// queued them to go out later.
func (c *ImpairedConn) decide(b []byte, to net.Addr) (copies int, wait time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, 0, net.ErrClosed
	}
	if c.nat.forgets(c.o.Rebind) {
		if err := c.rebind(); err != nil {
			return 0, 0, err
		}
	}
	c.counts.Written++
	// Every number is drawn for every packet, so that no packet's fate hangs on another's.
	lost, twice, late := c.rand.Float64() < c.o.Loss, c.rand.Float64() < c.o.Duplicate, c.rand.Float64() < c.o.Reorder
	wait = c.o.Delay + time.Duration(c.rand.Float64()*float64(c.o.Jitter))
	if (c.o.Drop != nil && c.o.Drop(b, to)) || lost {
		c.counts.Lost++
		return 0, 0, nil
	}
	copies = 1
	if twice {
		c.counts.Duplicated++
		copies = 2
	}
	if late {
		c.counts.Reordered++
		wait += c.o.ReorderBy
	}
	if wait > 0 {
		c.hold(b, to, copies, wait)
	}
	return copies, wait, nil
}

// hold queues a packet. The caller holds c.mu.
func (c *ImpairedConn) hold(b []byte, to net.Addr, copies int, wait time.Duration) {
	due := time.Now().Add(wait)
	p := append([]byte(nil), b...)
	for range copies {
		if len(c.held) == maxDelayed {
			c.counts.Lost++
			continue
		}
		// After those that are due at the same moment, so that equal delays keep the order.
		at, _ := slices.BinarySearchFunc(c.held, due, func(h heldPacket, due time.Time) int {
			if h.due.After(due) {
				return 1
			}
			return -1
		})
		c.held = slices.Insert(c.held, at, heldPacket{due: due, payload: p, to: to})
	}
	c.arm()
}

// arm sets the timer for the packet that is due first. The caller holds c.mu.
func (c *ImpairedConn) arm() {
	if c.sending || c.closed || len(c.held) == 0 {
		return // whoever sends arms the timer when done
	}
	c.stopTimer()
	c.running.Add(1)
	c.armed++
	armed := c.armed
	c.timer = time.AfterFunc(time.Until(c.held[0].due), func() {
		defer c.running.Done()
		c.sendDue(armed)
	})
}

// stopTimer takes back a timer that has not fired. The caller holds c.mu.
func (c *ImpairedConn) stopTimer() {
	if c.timer != nil && c.timer.Stop() {
		c.running.Done()
	}
	c.timer = nil
}

// sendDue writes every packet whose time has come, in order, and sets the timer for the rest.
func (c *ImpairedConn) sendDue(armed uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.armed != armed || c.sending {
		return // fired while another took its place
	}
	c.timer, c.sending = nil, true
	for len(c.held) > 0 && !c.held[0].due.After(time.Now()) {
		p := c.held[0]
		c.held = slices.Delete(c.held, 0, 1)
		c.mu.Unlock()
		_, err := c.write(p.payload, p.to)
		c.mu.Lock()
		if err != nil {
			c.counts.Failed++
		}
	}
	c.sending = false
	c.arm()
}

// heldPacket is a packet that waits to be sent.
type heldPacket struct {
	due     time.Time
	payload []byte
	to      net.Addr
}
