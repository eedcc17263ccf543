package codec

// opusClock is the rate of RTP timestamps of Opus, in Hz, whatever the rate of the samples (RFC 7587 section 4.1).
const opusClock = 48000

// What an Opus packet may hold (RFC 6716 section 3.2).
const (
	mostOpusFrame   = 1275                   // octets
	mostOpusFrames  = 48                     // of the shortest, 2.5 ms
	mostOpusSamples = opusClock * 120 / 1000 // at opusClock
)

// OpusSamples returns how long a payload of Opus lasts, in samples at 48 kHz, which is what its RTP timestamps count: 120 to 5760. It is 0
// if the payload is malformed (RFC 6716 section 3.4).
func OpusSamples(payload []byte) int {
	var p opusPacket
	if !p.parse(payload) {
		return 0
	}
	return p.count * p.samples
}

// An opusPacket is a payload cut into its frames.
type opusPacket struct {
	samples int // of each frame, at opusClock
	count   int // of the frames
	sizes   [mostOpusFrames]int
	data    []byte // the frames, one after the other
}

// opusFrameSamples is how long each frame of a packet lasts, in samples at opusClock, by its first octet (RFC 6716 section 3.1).
func opusFrameSamples(toc byte) int {
	switch config := toc >> 3; {
	case config >= 16: // CELT
		return 120 << (config & 3)
	case config >= 12: // hybrid
		return 480 << (config & 1)
	case config&3 == 3: // SILK, the longest
		return 2880
	default:
		return 480 << (config & 3)
	}
}

// parse cuts payload, which p refers to afterwards, and reports whether it is well-formed (RFC 6716 section 3.2).
func (p *opusPacket) parse(payload []byte) bool {
	if len(payload) == 0 {
		return false
	}
	p.samples, p.data = opusFrameSamples(payload[0]), payload[1:]
	switch payload[0] & 3 {
	case 0:
		p.count = 1
		return p.last()
	case 1:
		p.count = 2
		return p.even()
	case 2:
		p.count = 2
		return p.size(0) && p.last()
	default:
		return p.many()
	}
}

// many parses what follows the first octet of a packet of any number of frames.
func (p *opusPacket) many() bool {
	const vbr, padded, count = 0x80, 0x40, 0x3F
	if len(p.data) == 0 {
		return false
	}
	head := p.data[0]
	p.data = p.data[1:]
	p.count = int(head & count)
	if p.count == 0 || p.count*p.samples > mostOpusSamples {
		return false
	}
	if head&padded != 0 && !p.unpad() {
		return false
	}
	if head&vbr == 0 {
		return p.even()
	}
	for i := range p.count - 1 {
		if !p.size(i) {
			return false
		}
	}
	return p.last()
}

// unpad takes the padding off the end, and its length off the beginning.
func (p *opusPacket) unpad() bool {
	for {
		if len(p.data) == 0 {
			return false
		}
		n, more := int(p.data[0]), p.data[0] == 255
		if more {
			n = 254
		}
		p.data = p.data[1:]
		if n > len(p.data) {
			return false
		}
		p.data = p.data[:len(p.data)-n]
		if !more {
			return true
		}
	}
}

// even takes the frames to be of the same size.
func (p *opusPacket) even() bool {
	size := len(p.data) / p.count
	if size > mostOpusFrame || size*p.count != len(p.data) {
		return false
	}
	for i := range p.count {
		p.sizes[i] = size
	}
	return true
}

// size takes the size of a frame, which is not the last, off the data.
func (p *opusPacket) size(i int) bool {
	n := 1
	if len(p.data) > 0 && p.data[0] >= 252 {
		n = 2
	}
	if len(p.data) < n {
		return false
	}
	p.sizes[i] = int(p.data[0])
	if n == 2 {
		p.sizes[i] += 4 * int(p.data[1])
	}
	p.data = p.data[n:]
	return true
}

// last gives the last frame what the others leave.
func (p *opusPacket) last() bool {
	left := len(p.data)
	for _, size := range p.sizes[:p.count-1] {
		left -= size
	}
	p.sizes[p.count-1] = left
	return left >= 0 && left <= mostOpusFrame
}
