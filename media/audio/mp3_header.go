package audio

// mp3Header is what the header of a frame of MPEG audio, layer III, says (ISO 11172-3 section 2.4.1.3, ISO 13818-3).
type mp3Header struct {
	rate    int // in Hz; 0: a frame that the decoder does not know
	samples int // of a channel
	size    int // of the frame in bytes
	side    int // where its main data begins
}

// Bit rates in kbit/s and sampling rates in Hz, of MPEG 1 and of MPEG 2, by their indices.
var (
	mp3BitTable = [2][16]int{
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
	}
	mp3RateTable = [2][3]int{{44100, 48000, 32000}, {22050, 24000, 16000}}
)

// mp3HeaderOf reads the four octets of a header; ok is false if they are none.
func mp3HeaderOf(b []byte) (h mp3Header, ok bool) {
	if len(b) < 4 || b[0] != 0xFF || b[1]&0xE0 != 0xE0 {
		return h, false
	}
	version, layer := b[1]>>3&3, b[1]>>1&3
	bits, rate, padding := b[2]>>4, b[2]>>2&3, int(b[2]>>1&1)
	const reserved, layer3, mpeg25, mpeg1 = 1, 1, 0, 3
	if version == reserved || layer != layer3 || bits == 15 || rate == 3 || b[3]&3 == 2 {
		return h, false
	}
	if version == mpeg25 || bits == 0 {
		return h, true
	}
	low := 1
	if version == mpeg1 {
		low = 0
	}
	h.rate, h.samples = mp3RateTable[low][rate], 1152>>low
	h.size = h.samples/8*mp3BitTable[low][bits]*1000/h.rate + padding
	mono := b[3]>>6 == 3
	switch {
	case mono && low == 1:
		h.side = 9
	case mono || low == 1:
		h.side = 17
	default:
		h.side = 32
	}
	h.side += 4
	if b[1]&1 == 0 { // a checksum
		h.side += 2
	}
	return h, true
}
