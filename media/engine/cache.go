package engine

import (
	"encoding/binary"
	"time"
)

const (
	cacheSize = 256  // packets that are kept; a power of two
	cacheSlot = 1500 // bytes of the longest: what fits the usual path
	cacheIdle = 10 * time.Second
)

// cache holds the last packets of a stream as they were before encryption, so that they can be sent again. It takes its memory with the
// first packet and gives it back when none has come for a while.
type cache struct {
	slots []cached
	bytes []byte
	last  time.Time // when something was put
}

type cached struct {
	n    int // length; 0: empty
	seq  uint16
	sent time.Time // when it went out last
}

// put keeps a copy of a packet.
func (c *cache) put(pkt []byte, seq uint16, now time.Time) {
	if len(pkt) > cacheSlot {
		return
	}
	if c.bytes == nil {
		c.slots, c.bytes = make([]cached, cacheSize), make([]byte, cacheSize*cacheSlot)
	}
	i := int(seq % cacheSize)
	c.slots[i] = cached{copy(c.bytes[i*cacheSlot:], pkt), seq, now}
	c.last = now
}

// find returns a packet that is kept, and what is known of it; nil if it is not.
func (c *cache) find(seq uint16) ([]byte, *cached) {
	if c.slots == nil {
		return nil, nil
	}
	i := int(seq % cacheSize)
	s := &c.slots[i]
	if s.n == 0 || s.seq != seq {
		return nil, nil
	}
	return c.bytes[i*cacheSlot:][:s.n], s
}

// rest gives the memory back when nothing has come for a while.
func (c *cache) rest(now time.Time) {
	if c.bytes != nil && now.Sub(c.last) > cacheIdle {
		*c = cache{}
	}
}

// repeater sends packets again that the far side has lost.
type repeater struct {
	cache
	ssrc   uint32 // of what is sent again under a payload type of its own (RFC 4588 section 4)
	seq    uint16 // of the last such packet
	credit int    // packets that may be sent again now
	buf    [packetSize]byte
}

const (
	resendSoon  = 20 * time.Millisecond // between two sendings of one packet at the least
	resendEvery = 50 * time.Millisecond // where no round trip is known
	creditFirst = 32                    // of a stream that begins
	creditMost  = 2 * cacheSize
	creditEach  = 2 // a packet that is sent earns half of one that is sent again
)

// sent keeps a packet of pictures that goes out.
func (r *repeater) sent(pkt []byte, seq uint16, now time.Time) {
	r.put(pkt, seq, now)
	r.credit = min(r.credit+1, creditMost)
}

// again returns a packet that is to be sent again, unprotected, or nil: it is not kept any more, is on its way, or too much has been sent
// again. number is the payload type for it, 0: that of its own. The result stands until the next call.
func (r *repeater) again(seq uint16, number func(of uint8) uint8, trip time.Duration, now time.Time) []byte {
	every := resendEvery
	if trip > 0 {
		every = max(trip, resendSoon)
	}
	pkt, s := r.find(seq)
	if pkt == nil || now.Sub(s.sent) < every || r.credit < creditEach {
		return nil
	}
	s.sent = now
	r.credit -= creditEach
	n := number(pkt[1] & 0x7f)
	if n == 0 {
		return append(r.buf[:0], pkt...)
	}
	r.seq++
	head := rtpHeaderSize
	if pkt[0]&hasExtension != 0 {
		head += extraSize
	}
	b := append(r.buf[:0], pkt[:head]...)
	b[1] = b[1]&0x80 | n
	binary.BigEndian.PutUint16(b[2:], r.seq)
	binary.BigEndian.PutUint32(b[8:], r.ssrc)
	return append(binary.BigEndian.AppendUint16(b, seq), pkt[head:]...)
}
