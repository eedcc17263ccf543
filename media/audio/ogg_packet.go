package audio

import "fmt"

// Limits of the packets of an Ogg file.
const (
	maxOggPacket = 61440    // bytes of sound: RFC 7845 section 6
	maxOggTags   = 16 << 20 // bytes of the packet of comments, which may hold a picture; it is not kept
	maxOggGap    = 16 << 20 // bytes of other streams between two pages of ours
)

// oggGoesOn is the length of a piece of a packet that has another piece after it.
const oggGoesOn = 255

// oggPassed is the place in a page of which nothing is wanted.
const oggPassed = 256

// oggPackets takes one stream of an Ogg file apart into packets.
type oggPackets struct {
	pages oggPages
	page  oggPage // of the stream
	seg   int     // of the page, that comes next
	at    int     // in its body
	keep  bool    // packets; false for those that only have to be passed over

	part []byte // of a packet that goes on
	size int    // of it, where it is not kept
	lost bool   // the packet that goes on is of no use: a piece of it is missing, or it is too long
}

// link goes to the next stream of Opus, and returns its head. Streams that do not begin where it does are passed over if later is set: it
// is not the first of the file (RFC 3533 section 4, chaining).
func (r *oggPackets) link(later bool) ([]byte, error) {
	r.seg = oggPassed
	for gap := 0; gap <= maxOggGap; gap += len(r.page.body) {
		if err := r.pages.next(&r.page); err != nil {
			return nil, err
		}
		if r.page.begins() {
			return r.begin(), nil
		}
		if !later && !r.page.has(oggFirst) {
			return nil, &SourceError{Format: "Ogg", Err: ErrFormat}
		}
	}
	return nil, &SourceError{nameOgg, fmt.Sprintf("%d bytes of other streams", maxOggGap), ErrLimit}
}

// begin is at the first page of a stream, which holds its head alone (RFC 7845 section 3).
func (r *oggPackets) begin() []byte {
	r.seg, r.part, r.size, r.lost, r.keep = oggPassed, r.part[:0], 0, false, false
	return r.page.body
}

func (p *oggPage) begins() bool { return p.has(oggFirst) && hasPrefix(p.body, opusMark) }

// turn goes to the next page of the stream, or to the first one of another stream of Opus.
func (r *oggPackets) turn() error {
	serial, number := r.page.serial, r.page.number
	r.seg = oggPassed
	for gap := 0; gap <= maxOggGap; gap += len(r.page.body) {
		switch err := r.pages.next(&r.page); {
		case err != nil:
			return err
		case r.page.begins() && r.keep:
			return nil
		case r.page.serial == serial:
			r.seg, r.at = 0, 0
			r.follow(r.page.number == number+1)
			return nil
		}
	}
	return &SourceError{nameOgg, fmt.Sprintf("%d bytes of other streams", maxOggGap), ErrLimit}
}

// follow joins the page to what the one before it left; next says that none is missing between them.
func (r *oggPackets) follow(next bool) {
	open := r.size > 0
	switch continued := r.page.has(oggContinued); {
	case continued && (!open || !next):
		r.lost, r.size = true, 1
	case !continued:
		r.lost, r.size = false, 0
		r.part = r.part[:0]
	}
}

// done reports whether nothing of the page is left.
func (r *oggPackets) done() bool { return r.seg >= len(r.page.lacing) }

// next returns the next packet that ends on the page, if there is one. It is valid until the call after the next.
func (r *oggPackets) next() (packet []byte, ok bool, err error) {
	for !r.done() {
		n := int(r.page.lacing[r.seg])
		piece := r.page.body[r.at : r.at+n]
		r.seg, r.at = r.seg+1, r.at+n
		if err := r.add(piece); err != nil {
			return nil, false, err
		}
		if n == oggGoesOn {
			continue
		}
		packet, ok = r.part, r.keep && !r.lost
		r.keep = true
		r.part, r.size, r.lost = r.part[:0], 0, false
		if ok {
			return packet, true, nil
		}
	}
	return nil, false, nil
}

// add puts a piece to the packet that goes on.
func (r *oggPackets) add(piece []byte) error {
	r.size += len(piece)
	switch {
	case !r.keep && r.size > maxOggTags:
		return &SourceError{nameOgg, fmt.Sprintf("%d bytes of comments", r.size), ErrLimit}
	case r.keep && r.size > maxOggPacket:
		r.lost, r.part = true, r.part[:0]
	case r.keep && !r.lost:
		r.part = append(r.part, piece...)
	}
	return nil
}

// time is how long what ends on the page lasts, which has just been turned to, in samples of 48 kHz.
func (r *oggPackets) time() int {
	sum, from, at := 0, 0, 0
	first := r.part
	lost := r.lost
	for _, n := range r.page.lacing {
		at += int(n)
		if n == oggGoesOn {
			continue
		}
		if len(first) == 0 {
			first = r.page.body[from:at]
		}
		if !lost {
			sum += opusTime(first)
		}
		first, from, lost = nil, at, false
	}
	return sum
}
