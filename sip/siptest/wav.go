package siptest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// maxWAVSize is the largest WAV file that is read: ten minutes of 48 kHz stereo, and headers.
const maxWAVSize = 600*48000*4 + 64<<10

// wavFormat is the fmt chunk of a RIFF WAVE file, as far as it matters.
type wavFormat struct {
	tag, channels uint16
	rate          uint32
	bits          uint16
}

// The sample formats of WAVE files that are read: PCM, and the extensible form some tools write it in.
const (
	wavPCM        = 0x0001
	wavExtensible = 0xFFFE
)

// readWAV returns the sound of the file at path at 8 kHz mono.
func readWAV(path string) ([]int16, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("siptest: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	if info, err := f.Stat(); err != nil || info.Size() > maxWAVSize {
		return nil, errors.Join(fmt.Errorf("siptest: WAV file longer than %d bytes", maxWAVSize), err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxWAVSize)) // it may grow meanwhile
	if err != nil {
		return nil, fmt.Errorf("siptest: %w", err)
	}
	pcm, err := parseWAV(data)
	if err != nil {
		return nil, fmt.Errorf("siptest: %s: %w", path, err)
	}
	return pcm, nil
}

// parseWAV returns the sound of a RIFF WAVE file at 8 kHz mono.
func parseWAV(data []byte) ([]int16, error) {
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WAVE" {
		return nil, errors.New("not a WAVE file")
	}
	var format wavFormat
	for rest := data[12:]; len(rest) >= 8; {
		id, size := string(rest[:4]), uint64(binary.LittleEndian.Uint32(rest[4:]))
		body := rest[8:]
		if id == "data" {
			// A file that was written as a stream gives a size that is too large, or none.
			return format.samples(body[:min(size, uint64(len(body)))])
		}
		if size > uint64(len(body)) {
			return nil, fmt.Errorf("chunk %q is cut short", id)
		}
		if id == "fmt " {
			if size < 16 {
				return nil, errors.New("fmt chunk is too short")
			}
			format = wavFormat{
				tag:      binary.LittleEndian.Uint16(body),
				channels: binary.LittleEndian.Uint16(body[2:]),
				rate:     binary.LittleEndian.Uint32(body[4:]),
				bits:     binary.LittleEndian.Uint16(body[14:]),
			}
		}
		rest = body[min(size+size&1, uint64(len(body))):] // chunks are padded to an even length
	}
	return nil, errors.New("no sound in the file")
}

// samples returns the sound of a data chunk at 8 kHz mono.
func (f wavFormat) samples(data []byte) ([]int16, error) {
	if f.tag != wavPCM && f.tag != wavExtensible || f.bits != 16 {
		return nil, fmt.Errorf("sample format %d of %d bits: only 16-bit PCM is played", f.tag, f.bits)
	}
	if f.channels != 1 && f.channels != 2 {
		return nil, fmt.Errorf("%d channels: only mono and stereo are played", f.channels)
	}
	switch f.rate {
	case 8000, 16000, 24000, 32000, 48000:
	default:
		return nil, fmt.Errorf("%d samples a second: only 8, 16, 24, 32 and 48 kHz are played", f.rate)
	}
	pcm := make([]int16, len(data)/2/int(f.channels))
	for i := range pcm {
		sum := 0
		for c := range int(f.channels) {
			sum += int(int16(binary.LittleEndian.Uint16(data[2*(i*int(f.channels)+c):])))
		}
		pcm[i] = int16(sum / int(f.channels))
	}
	pcm = decimate(pcm, int(f.rate/sampleRate))
	if len(pcm) == 0 {
		return nil, errors.New("no sound in the file")
	}
	return pcm, nil
}

// decimate keeps one sample of factor, behind a windowed-sinc low-pass that keeps what lies above half the new rate from folding
// down into what is heard.
func decimate(pcm []int16, factor int) []int16 {
	if factor <= 1 {
		return pcm
	}
	const reach = 16 // of the filter to each side, in samples of the new rate
	half := reach * factor
	taps := make([]float64, 2*half+1)
	sum := 0.0
	for i := range taps {
		x := float64(i - half)
		taps[i] = 1
		if x != 0 {
			y := math.Pi * x * 0.9 / float64(factor)
			taps[i] = math.Sin(y) / y
		}
		taps[i] *= 0.5 + 0.5*math.Cos(math.Pi*x/float64(half+1))
		sum += taps[i]
	}
	out := make([]int16, len(pcm)/factor)
	for i := range out {
		v := 0.0
		for k, tap := range taps {
			if j := i*factor + k - half; j >= 0 && j < len(pcm) {
				v += tap * float64(pcm[j])
			}
		}
		out[i] = int16(math.Round(max(-32768, min(32767, v/sum))))
	}
	return out
}

// writeWAV writes pcm, 8 kHz mono, to a file at path.
func writeWAV(path string, pcm []int16) error {
	b := make([]byte, 44, 44+2*len(pcm))
	copy(b, "RIFF")
	binary.LittleEndian.PutUint32(b[4:], uint32(36+2*len(pcm)))
	copy(b[8:], "WAVEfmt ")
	binary.LittleEndian.PutUint32(b[16:], 16)
	binary.LittleEndian.PutUint16(b[20:], wavPCM)
	binary.LittleEndian.PutUint16(b[22:], 1)
	binary.LittleEndian.PutUint32(b[24:], sampleRate)
	binary.LittleEndian.PutUint32(b[28:], 2*sampleRate)
	binary.LittleEndian.PutUint16(b[32:], 2)
	binary.LittleEndian.PutUint16(b[34:], 16)
	copy(b[36:], "data")
	binary.LittleEndian.PutUint32(b[40:], uint32(2*len(pcm)))
	for _, v := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		return fmt.Errorf("siptest: %w", err)
	}
	return nil
}
