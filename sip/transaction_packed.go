package sip

import (
	"encoding/binary"
	"time"
)

// blockSize is of which packed keeps, in bytes. What does not fit into one has a block of its own.
const blockSize = 64 << 10

// packed keeps entries as bytes, in blocks that are given up as a whole. There is no pointer in any of it: what is kept of finished transactions
// is most of the memory of a busy agent and hardly ever asked for, so its collector should not have to look through it each time.
type packed struct {
	places map[mark]place
	blocks []block // oldest first
	first  uint32  // number of blocks[0]
	packer packer  // used again and again
}

// place is where an entry begins.
type place struct{ block, offset uint32 }

type block struct {
	text  []byte
	until time.Duration // after which all of it has had its time
}

// add takes what the packer holds, which is kept until a time: not before that of those that are there.
func (p *packed) add(key mark, until time.Duration) {
	text := p.packer.text
	last := len(p.blocks) - 1
	if last < 0 || cap(p.blocks[last].text)-len(p.blocks[last].text) < len(text) {
		p.blocks = append(p.blocks, block{text: make([]byte, 0, max(blockSize, len(text)))})
		last++
	}
	b := &p.blocks[last]
	if p.places == nil {
		p.places = map[mark]place{}
	}
	p.places[key] = place{p.first + uint32(last), uint32(len(b.text))}
	b.text, b.until = append(b.text, text...), until
}

// take takes an entry out. The block stays while anything of it is in use.
func (p *packed) take(key mark) ([]byte, bool) {
	at, there := p.places[key]
	if !there {
		return nil, false
	}
	delete(p.places, key)
	return p.blocks[at.block-p.first].text[at.offset:], true
}

// drop gives up the blocks that have had their time. Their entries must have been taken out.
func (p *packed) drop(now time.Duration) {
	for len(p.blocks) > 0 && p.blocks[0].until <= now {
		p.blocks[0] = block{}
		p.blocks = p.blocks[1:]
		p.first++
	}
}

// packer writes an entry, and unpacker reads it in the same order.
type packer struct {
	text   []byte
	unable bool // there is something in the entry that cannot be packed
}

func (p *packer) reset() { p.text, p.unable = p.text[:0], false }

func (p *packer) number(n int) { p.text = binary.AppendUvarint(p.text, uint64(n)) }

func (p *packer) bytes(b []byte) {
	p.number(len(b))
	p.text = append(p.text, b...)
}

func (p *packer) string(s string) {
	p.number(len(s))
	p.text = append(p.text, s...)
}

// way packs a way over UDP, or none: a connection lives and ends.
func (p *packer) way(c conn) {
	switch c := c.(type) {
	case nil:
		p.bytes(nil)
	case *flow:
		at, err := c.to.AppendBinary(make([]byte, 0, 32))
		p.bytes(at)
		p.unable = p.unable || err != nil
	default:
		p.unable = true
	}
}

// unpacker reads what a packer has written.
type unpacker struct {
	text []byte
	t    *transport
}

func (u *unpacker) number() int {
	n, size := binary.Uvarint(u.text)
	u.text = u.text[size:]
	return int(n)
}

// bytes returns what must not be changed, and nil for nothing.
func (u *unpacker) bytes() []byte {
	n := u.number()
	b := u.text[:n:n]
	u.text = u.text[n:]
	if n == 0 {
		return nil
	}
	return b
}

func (u *unpacker) string() string { return string(u.bytes()) }

func (u *unpacker) way() conn {
	b := u.bytes()
	if b == nil {
		return nil
	}
	f := &flow{t: u.t}
	_ = f.to.UnmarshalBinary(b) // it is one that was packed
	return f
}
