package audio

import "encoding/binary"

const (
	// oggLead is the silence before a recording, which no player plays: a decoder has converged after it (RFC 7845 section 4.2).
	oggLead = 3840
	// oggConceal is how long a decoder may go on making up for packets that are not there, as for one that sends nothing while nobody speaks:
	// such a one is heard of every 400 ms. After that there is silence.
	oggConceal = opusRate * 42 / 100
	// oggSegments is how many a page has at most.
	oggSegments = 255
)

// oggWriter writes packets of Opus as they are (RFC 7845). What is lost is concealed by who plays it; where nothing is sent is silence.
type oggWriter struct {
	serial uint32

	granule int64 // after all packets, with the lead
	pages   uint32
	lacing  []byte // of the page that is being made
	body    []byte
	tail    []byte // the latest packet, in no page yet, so that the last page has one
	tailAt  int64  // granule before tail
	before  byte   // first octet of the latest packet that came
	missing int64  // samples since that packet
	written int64  // granule of the latest page in the file
	pending int64  // granule of the latest page that is made
	count   oggCount
}

// oggCount is of samples at 48 kHz.
type oggCount struct{ concealed, silent, discarded uint64 }

func (w *oggWriter) begin(o *recordOut, first []byte) {
	channels := byte(1)
	if len(first) > 0 && first[0]&opusStereo != 0 {
		channels = 2
	}
	head := append([]byte("OpusHead\x01"), channels)
	head = binary.LittleEndian.AppendUint16(head, oggLead)
	head = binary.LittleEndian.AppendUint32(head, opusRate)
	head = append(head, 0, 0, 0) // no gain, one stream
	w.lone(o, head, oggFirst)
	const vendor = "alexacall"
	tags := binary.LittleEndian.AppendUint32([]byte("OpusTags"), uint32(len(vendor)))
	tags = append(tags, vendor...)
	tags = binary.LittleEndian.AppendUint32(tags, 0)
	w.lone(o, tags, 0)
	w.missing = oggConceal // nothing was before
	for w.granule < oggLead {
		w.lost(o, oggLead-w.granule)
	}
	w.count = oggCount{}
}

// lone puts a packet of the head on a page of its own.
func (w *oggWriter) lone(o *recordOut, packet []byte, flags byte) {
	w.add(packet)
	w.page(o, 0, flags)
}

func (w *oggWriter) put(o *recordOut, at int64, b []byte) bool {
	samples := opusTime(b)
	if samples == 0 || at+oggLead-w.granule <= -opusShortest { // what is there already is not heard again
		w.count.discarded += uint64(samples)
		return true
	}
	if !w.fill(o, at) || !w.packet(o, b, samples) {
		return false
	}
	w.before, w.missing = b[0], 0
	return true
}

func (w *oggWriter) fill(o *recordOut, upTo int64) bool {
	for gap := upTo + oggLead - w.granule; gap >= opusShortest; gap = upTo + oggLead - w.granule {
		if !w.lost(o, gap) {
			return false
		}
		if len(o.next) >= pieceBytes {
			w.out(o)
		}
	}
	return true
}

// lost puts a packet in place of one that did not come, not longer than gap.
func (w *oggWriter) lost(o *recordOut, gap int64) bool {
	var b [3]byte
	n, count := 1, &w.count.concealed
	if left := oggConceal - w.missing; left >= opusShortest {
		b[0] = opusLost(w.before, min(gap, left))
	} else {
		b, n, count = opusSilence(gap), len(b), &w.count.silent
	}
	samples := opusFrameTime(b[0] >> 3)
	if !w.packet(o, b[:n], samples) {
		return false
	}
	w.missing += int64(samples)
	*count += uint64(samples)
	return true
}

// packet puts the latest packet on the page and keeps b in its place.
func (w *oggWriter) packet(o *recordOut, b []byte, samples int) bool {
	segments := len(w.tail)/255 + len(b)/255 + 2
	if len(w.lacing)+segments > oggSegments {
		w.page(o, w.tailAt, 0)
	}
	// The last packet may need a page of its own.
	if o.room() < int64(2*oggHeader+len(w.lacing)+segments+len(w.body)+len(w.tail)+len(b)) {
		return false
	}
	if len(w.tail) > 0 {
		w.add(w.tail)
	}
	w.tail, w.tailAt = append(w.tail[:0], b...), w.granule
	w.granule += int64(samples)
	return true
}

// add puts a packet on the page.
func (w *oggWriter) add(packet []byte) {
	for range len(packet) / 255 {
		w.lacing = append(w.lacing, 255)
	}
	w.lacing = append(w.lacing, byte(len(packet)%255))
	w.body = append(w.body, packet...)
}

// page puts the page that is being made into o (RFC 3533 section 6).
func (w *oggWriter) page(o *recordOut, granule int64, flags byte) {
	if len(w.lacing) == 0 {
		return
	}
	at, le := len(o.next), binary.LittleEndian
	b := append(o.next, "OggS\x00"...)
	b = append(b, flags)
	b = le.AppendUint64(b, uint64(granule))
	b = le.AppendUint32(b, w.serial)
	b = le.AppendUint32(b, w.pages)
	b = append(b, 0, 0, 0, 0, byte(len(w.lacing)))
	b = append(append(b, w.lacing...), w.body...)
	le.PutUint32(b[at+22:], oggSum(b[at:]))
	o.next = b
	w.pages++
	w.pending = granule
	w.lacing, w.body = w.lacing[:0], w.body[:0]
}

func (w *oggWriter) flush(o *recordOut) {
	w.page(o, w.tailAt, 0)
	w.out(o)
}

// out writes the pages that are made.
func (w *oggWriter) out(o *recordOut) {
	before := o.size
	whole := o.size + int64(len(o.next))
	o.flush()
	if o.size == whole {
		w.written = w.pending
		return
	}
	o.cut(before) // a part of a page is none
}

func (w *oggWriter) end(o *recordOut, upTo int64) {
	if len(w.tail) > 0 {
		w.add(w.tail)
		w.tail = w.tail[:0]
	}
	w.page(o, max(w.tailAt, min(w.granule, upTo+oggLead)), oggLast)
	w.out(o)
}

func (w *oggWriter) heard() int64 { return max(w.written-oggLead, 0) }

func (c oggCount) addTo(s *RecordSide) {
	s.Concealed += c.concealed
	s.Silent += c.silent
	s.Discarded += c.discarded
}
