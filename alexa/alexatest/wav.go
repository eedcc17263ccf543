package alexatest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
)

// maxWAV limits the size of a WAV file that is read: three minutes at 48 kHz stereo fit.
const maxWAV = 64 << 20

func readWAVFile(path string) ([]int16, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("alexatest: %w", err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxWAV+1))
	if err != nil {
		return nil, fmt.Errorf("alexatest: %w", err)
	}
	samples, err := parseWAV(data)
	if err != nil {
		return nil, fmt.Errorf("alexatest: %s: %w", path, err)
	}
	return samples, nil
}

// parseWAV returns the samples of a RIFF WAVE file, mixed to mono and brought to 8 kHz.
func parseWAV(data []byte) ([]int16, error) {
	if len(data) > maxWAV {
		return nil, fmt.Errorf("larger than %d bytes", maxWAV)
	}
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WAVE" {
		return nil, fmt.Errorf("not a WAV file")
	}
	var channels, rate int
	for rest := data[12:]; len(rest) >= 8; {
		id, size := string(rest[:4]), uint64(binary.LittleEndian.Uint32(rest[4:8]))
		rest = rest[8:]
		body := rest[:min(size, uint64(len(rest)))] // a writer that could not seek leaves a size that is too large
		switch id {
		case "fmt ":
			if len(body) < 16 {
				return nil, fmt.Errorf("format chunk too short")
			}
			format, bits := binary.LittleEndian.Uint16(body), binary.LittleEndian.Uint16(body[14:])
			extensible := format == 0xfffe && len(body) >= 26 && binary.LittleEndian.Uint16(body[24:]) == 1
			if format != 1 && !extensible || bits != 16 {
				return nil, fmt.Errorf("format %d with %d bits instead of 16-bit PCM", format, bits)
			}
			channels, rate = int(binary.LittleEndian.Uint16(body[2:])), int(binary.LittleEndian.Uint32(body[4:]))
			if channels < 1 || channels > 2 {
				return nil, fmt.Errorf("%d channels instead of 1 or 2", channels)
			}
			if rate < sampleRate || rate > 6*sampleRate || rate%sampleRate != 0 {
				return nil, fmt.Errorf("rate %d is not a multiple of %d up to %d", rate, sampleRate, 6*sampleRate)
			}
		case "data":
			if rate == 0 {
				return nil, fmt.Errorf("data before format")
			}
			samples := decimate(mono(body, channels), rate/sampleRate)
			if len(samples) == 0 {
				return nil, fmt.Errorf("no samples")
			}
			return samples, nil
		}
		rest = rest[min(size+size%2, uint64(len(rest))):]
	}
	return nil, fmt.Errorf("no data chunk")
}

func mono(body []byte, channels int) []int16 {
	out := make([]int16, len(body)/(2*channels))
	for i := range out {
		sum := 0
		for c := range channels {
			sum += int(int16(binary.LittleEndian.Uint16(body[2*(i*channels+c):])))
		}
		out[i] = int16(sum / channels)
	}
	return out
}

// decimate divides the sample rate by factor, behind a windowed-sinc low-pass at 45 % of the new rate.
func decimate(in []int16, factor int) []int16 {
	if factor == 1 {
		return in
	}
	half := 16 * factor
	taps := make([]float64, 2*half+1)
	sum := 0.0
	for i := range taps {
		x := float64(i - half)
		sinc := 1.0
		if x != 0 {
			a := math.Pi * x * 0.9 / float64(factor)
			sinc = math.Sin(a) / a
		}
		taps[i] = sinc * (0.54 + 0.46*math.Cos(math.Pi*x/float64(half)))
		sum += taps[i]
	}
	out := make([]int16, len(in)/factor)
	for i := range out {
		acc := 0.0
		for k, tap := range taps {
			if n := i*factor + k - half; n >= 0 && n < len(in) {
				acc += tap * float64(in[n])
			}
		}
		out[i] = int16(min(max(math.Round(acc/sum), math.MinInt16), math.MaxInt16))
	}
	return out
}

// formatWAV returns samples as an 8 kHz mono WAV file.
func formatWAV(samples []int16) []byte {
	var b bytes.Buffer
	size := uint32(2 * len(samples))
	b.WriteString("RIFF")
	_ = binary.Write(&b, binary.LittleEndian, 36+size)
	b.WriteString("WAVEfmt ")
	_ = binary.Write(&b, binary.LittleEndian, struct {
		Size           uint32
		Format, Chan   uint16
		Rate, ByteRate uint32
		Align, Bits    uint16
	}{16, 1, 1, sampleRate, 2 * sampleRate, 2, 16})
	b.WriteString("data")
	_ = binary.Write(&b, binary.LittleEndian, size)
	_ = binary.Write(&b, binary.LittleEndian, samples)
	return b.Bytes()
}
