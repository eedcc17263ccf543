package audio

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// Formats of samples in a WAV file, by the tag in its format chunk.
const (
	wavPCM        = 0x0001
	wavFloat      = 0x0003
	wavALaw       = 0x0006
	wavMuLaw      = 0x0007
	wavExtensible = 0xFFFE // the tag is the first two octets of a GUID

	wavFormatLeast = 16
	wavFormatMost  = 40 // of an extensible one
)

// wavGUID is how the GUID of a format goes on after its tag.
const wavGUID = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"

// wavFormat is the format chunk.
type wavFormat struct {
	rate, channels int
	width          int                // of a sample in bytes
	sample         func(b []byte) int // of width bytes, to 16 bits; nil until the chunk has been read
}

// frame is how many bytes the samples of all channels have.
func (f *wavFormat) frame() int { return f.width * f.channels }

// mono makes one sample of those of all channels.
func (f *wavFormat) mono(pcm []int16, b []byte) {
	for i := range pcm {
		sum := 0
		for range f.channels {
			sum += f.sample(b)
			b = b[f.width:]
		}
		pcm[i] = int16(sum / f.channels)
	}
}

func (f *wavFormat) parse(b []byte) error {
	if len(b) < wavFormatLeast {
		return &SourceError{nameWAV, "format cut off", ErrMalformed}
	}
	tag := binary.LittleEndian.Uint16(b)
	rate := binary.LittleEndian.Uint32(b[4:])
	frame, bits := int(binary.LittleEndian.Uint16(b[12:])), int(binary.LittleEndian.Uint16(b[14:]))
	f.channels = int(binary.LittleEndian.Uint16(b[2:]))
	if tag == wavExtensible {
		if len(b) < wavFormatMost || string(b[26:wavFormatMost]) != wavGUID {
			return &SourceError{nameWAV, "extensible", ErrFormat}
		}
		tag = binary.LittleEndian.Uint16(b[24:])
	}
	switch {
	case rate < minSourceRate || rate > maxSourceRate:
		return rateError(nameWAV, int(rate))
	case f.channels < 1 || f.channels > maxWAVChannels:
		return &SourceError{nameWAV, fmt.Sprintf("%d channels", f.channels), ErrFormat}
	}
	f.rate = int(rate)
	// A sample's own bits are the upper ones of what it takes in the file, such as 24 of 32.
	if f.width = frame / f.channels; frame == 0 {
		f.width = (bits + 7) / 8
	}
	if frame%f.channels != 0 {
		return &SourceError{nameWAV, fmt.Sprintf("%d bytes for %d channels", frame, f.channels), ErrMalformed}
	}
	return f.choose(tag)
}

func (f *wavFormat) choose(tag uint16) error {
	f.sample = nil
	switch [2]int{int(tag), f.width} {
	case [2]int{wavPCM, 1}:
		f.sample = sampleOf8
	case [2]int{wavPCM, 2}:
		f.sample = sampleOf16
	case [2]int{wavPCM, 3}:
		f.sample = sampleOf24
	case [2]int{wavPCM, 4}:
		f.sample = sampleOf32
	case [2]int{wavFloat, 4}:
		f.sample = sampleOfFloat
	case [2]int{wavFloat, 8}:
		f.sample = sampleOfDouble
	case [2]int{wavALaw, 1}:
		return f.law(media.PCMA())
	case [2]int{wavMuLaw, 1}:
		return f.law(media.PCMU())
	default:
		return &SourceError{nameWAV, fmt.Sprintf("format %#x in %d bytes a sample", tag, f.width), ErrFormat}
	}
	return nil
}

// law has samples looked up: what the codec makes of each octet.
func (f *wavFormat) law(c media.Codec) error {
	var octets [256]byte
	for i := range octets {
		octets[i] = byte(i)
	}
	d, err := codec.NewDecoder(c, nil)
	if err != nil {
		return &SourceError{Format: nameWAV, Err: err}
	}
	samples, err := d.Decode(nil, octets[:])
	if err != nil {
		return &SourceError{Format: nameWAV, Err: err}
	}
	f.sample = func(b []byte) int { return int(samples[b[0]]) }
	return nil
}

func sampleOf8(b []byte) int  { return (int(b[0]) - 128) << 8 }
func sampleOf16(b []byte) int { return int(int16(binary.LittleEndian.Uint16(b))) }

func sampleOf24(b []byte) int {
	return rounded(int64(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)), 16)
}

func sampleOf32(b []byte) int { return rounded(int64(int32(binary.LittleEndian.Uint32(b))), 16) }

func sampleOfFloat(b []byte) int {
	return scaled(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
}

func sampleOfDouble(b []byte) int {
	return scaled(math.Float64frombits(binary.LittleEndian.Uint64(b)))
}

// rounded leaves bits of x out.
func rounded(x int64, bits int) int { return int(min((x+1<<(bits-1))>>bits, math.MaxInt16)) }

// scaled makes a sample of 16 bits of one between -1 and 1.
func scaled(x float64) int {
	switch x *= -math.MinInt16; {
	case x >= math.MaxInt16:
		return math.MaxInt16
	case x <= math.MinInt16:
		return math.MinInt16
	case math.IsNaN(x):
		return 0
	}
	return int(math.RoundToEven(x))
}
