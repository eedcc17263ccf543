package audio

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

const (
	opusRate    = 48000
	opusMark    = "OpusHead"
	opusHead    = 19                 // bytes of a head, at least
	opusPreroll = opusRate * 8 / 100 // what a decoder has to hear before the place that is gone to (RFC 7845 section 4.6)
	opusFrame   = opusRate / codec.FramesPerSecond
	maxOpusTime = opusRate * 12 / 100 // of a packet
	maxOggHole  = opusRate            // of lost sound that is made up for: a second; more is left out
)

// ogg is an Ogg Opus file (RFC 7845). All counts of samples are at 48 kHz but for those of pcm.
type ogg struct {
	r      oggPackets
	decode func() (codec.Decoder, error)
	d      codec.Decoder
	louder volume

	placed  bool  // pos is known
	pos     int64 // granule position of the packet that comes next
	stop    int64 // where the stream ends, said on its last page
	missing int64 // before the packet that comes next
	lead    int64 // that has still to be left out: pre-skip, or up to the place that is gone to
	played  int64

	pcm  []int16
	read int // of pcm
}

func newOgg(in *input) (Source, error) {
	return newOggWith(in, func() (codec.Decoder, error) {
		return codec.NewDecoder(media.Opus(), &codec.Options{Rate: opusRate})
	})
}

func newOggWith(in *input, decode func() (codec.Decoder, error)) (*ogg, error) {
	o := &ogg{decode: decode}
	o.r.pages.in = in
	if err := o.start(); err != nil {
		return nil, err
	}
	return o, nil
}

// start reads the file's beginning.
func (o *ogg) start() error {
	head, err := o.r.link(false)
	if err != nil {
		return broken(nameOgg, "header", ended(err))
	}
	o.lead, o.played = 0, 0
	return o.begin(head)
}

// begin takes the head of a stream (RFC 7845 section 5.1).
func (o *ogg) begin(b []byte) error {
	if len(b) < opusHead || b[8]>>4 != 0 {
		return &SourceError{nameOgg, "head", ErrMalformed}
	}
	channels, family := int(b[9]), b[18]
	// Of several streams of one stream each, such as surround sound, the decoder would have to be several.
	if channels == 0 || family == 0 && channels > 2 || family != 0 && (len(b) < opusHead+2 || b[19] != 1) {
		return &SourceError{nameOgg, fmt.Sprintf("%d channels, mapping %d", channels, family), ErrFormat}
	}
	d, err := o.decode()
	if err != nil {
		return &SourceError{Format: nameOgg, Err: err}
	}
	if o.d != nil && o.d.Rate() != d.Rate() {
		return rateError(nameOgg, d.Rate())
	}
	o.d = d
	o.louder = volumeOf(float64(int16(binary.LittleEndian.Uint16(b[16:]))) / 256)
	o.lead += int64(binary.LittleEndian.Uint16(b[10:]))
	o.placed, o.pos, o.missing, o.stop = false, 0, 0, 1<<63-1
	o.pcm, o.read = o.pcm[:0], 0
	return nil
}

// Rate implements Source.
func (o *ogg) Rate() int { return o.d.Rate() }

// Close implements Source.
func (o *ogg) Close() error { return o.r.pages.in.close() }

// Read implements Source.
func (o *ogg) Read(pcm []int16) (int, error) {
	for o.read == len(o.pcm) && len(pcm) > 0 {
		if o.played > int64(maxSourceTime/time.Second)*opusRate {
			return 0, io.EOF
		}
		o.pcm, o.read = o.pcm[:0], 0
		if err := o.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(pcm, o.pcm[o.read:])
	o.read += n
	return n, nil
}

// fill decodes a packet, or makes up for lost ones, or turns a page.
func (o *ogg) fill() error {
	if o.missing > 0 && !o.r.done() {
		o.conceal(min(o.missing, opusFrame))
		return nil
	}
	if o.r.done() {
		return o.turn()
	}
	packet, ok, err := o.r.next()
	if ok {
		o.packet(packet)
	}
	return err
}

// turn goes to the next page, and from the last one to the stream that may follow.
func (o *ogg) turn() error {
	if o.r.page.has(oggLast) {
		head, err := o.r.link(true)
		if err != nil {
			return err
		}
		return o.begin(head)
	}
	if err := o.r.turn(); err != nil {
		return err
	}
	if o.r.page.begins() {
		return o.begin(o.r.begin())
	}
	if o.r.keep {
		o.place(o.r.page.granule, int64(o.r.time()))
	}
	return nil
}

// place finds where the page's packets belong, which last for time: a page says where it ends.
func (o *ogg) place(granule, time int64) {
	if granule < 0 {
		return
	}
	last := o.r.page.has(oggLast)
	begin := max(granule-time, 0)
	if o.placed && last && begin < o.pos {
		begin = o.pos // the end is cut off
	}
	if o.placed && begin > o.pos {
		o.missing = min(begin-o.pos, maxOggHole)
	}
	if last {
		o.stop = granule
	}
	o.placed, o.pos = true, begin
}

func (o *ogg) packet(b []byte) {
	n := int64(opusTime(b))
	if n == 0 {
		return
	}
	keep := min(n, max(o.stop-o.pos, 0))
	o.pos += n
	if o.lead >= n+opusPreroll {
		o.lead -= n
		return
	}
	var err error
	if o.pcm, err = o.d.Decode(o.pcm[:0], b); err != nil {
		o.pcm = o.d.Conceal(o.pcm[:0], o.count(n), nil)
	}
	o.give(keep)
}

func (o *ogg) conceal(n int64) {
	o.missing -= n
	o.pcm = o.d.Conceal(o.pcm[:0], o.count(n), nil)
	o.give(n)
}

// give leaves of the samples that have just been decoded those that are to be heard, of n.
func (o *ogg) give(n int64) {
	drop := min(o.lead, n)
	o.lead -= drop
	o.played += n - drop
	o.pcm = o.pcm[:min(o.count(n), len(o.pcm))]
	o.read = min(o.count(drop), len(o.pcm))
	o.louder.apply(o.pcm[o.read:])
}

// count is of samples at the decoder's rate.
func (o *ogg) count(n int64) int { return int(n * int64(o.d.Rate()) / opusRate) }

// SeekTo implements Seeker. What comes before is read, and not decoded.
func (o *ogg) SeekTo(at time.Duration) error {
	if err := o.r.pages.in.to(0); err != nil {
		return broken(nameOgg, "", err)
	}
	if err := o.start(); err != nil {
		return err
	}
	o.lead += samplesIn(max(at, 0), opusRate)
	return nil
}

// opusTime is how long a packet lasts in samples of 48 kHz, by its first octets (RFC 6716 section 3.1); 0 if that cannot be.
func opusTime(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	frame := 0
	switch config := b[0] >> 3; {
	case config < 12:
		frame = opusRate / 100 * int([4]byte{1, 2, 4, 6}[config%4])
	case config < 16:
		frame = opusRate / 100 << (config % 2)
	default:
		frame = opusRate / 400 << (config % 4)
	}
	frames := 0
	switch b[0] & 3 {
	case 0:
		frames = 1
	case 1, 2:
		frames = 2
	default:
		if len(b) > 1 {
			frames = int(b[1] & 0x3F)
		}
	}
	if frame*frames > maxOpusTime {
		return 0
	}
	return frame * frames
}
