package testutil

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	maxWAVBytes    = 256 << 20 // of a file: 46 minutes of 48 kHz mono
	maxWAVChannels = 8
	maxWAVRate     = 384_000

	wavPCM        = 0x0001
	wavExtensible = 0xFFFE
)

// ReadWAV returns the sampling rate, in hertz, and the samples of a RIFF WAVE file of 16-bit PCM. The
// channels of a file with several are averaged. A file that was never finished, with a data chunk of
// size 0 or 0xFFFFFFFF or one that ends early, gives what it holds. Files over 256 MiB are refused.
func ReadWAV(path string) (rate int, samples []int16, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, nil, fmt.Errorf("testutil: read WAV: %w", err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	info, err := f.Stat()
	if err != nil {
		return 0, nil, fmt.Errorf("testutil: read WAV: %w", err)
	}
	if info.Size() > maxWAVBytes {
		return 0, nil, fmt.Errorf("testutil: read WAV: %s is larger than %d bytes", path, maxWAVBytes)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxWAVBytes)) // the file may still be growing
	if err != nil {
		return 0, nil, fmt.Errorf("testutil: read WAV: %w", err)
	}
	rate, samples, err = parseWAV(data)
	if err != nil {
		return 0, nil, fmt.Errorf("testutil: read WAV: %s: %w", path, err)
	}
	return rate, samples, nil
}

// wavFormat is the part of a "fmt " chunk that matters here.
type wavFormat struct{ rate, channels int }

func parseWAV(data []byte) (rate int, samples []int16, err error) {
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WAVE" {
		return 0, nil, errors.New("no RIFF WAVE header")
	}
	var format wavFormat
	for rest := data[12:]; len(rest) >= 8; {
		id, size := string(rest[:4]), uint64(binary.LittleEndian.Uint32(rest[4:]))
		body := rest[8:]
		if id == "data" {
			if format.rate == 0 {
				return 0, nil, errors.New("data before format")
			}
			if size > 0 && size < uint64(len(body)) {
				body = body[:size]
			}
			return format.rate, monoSamples(body, format.channels), nil
		}
		if size > uint64(len(body)) {
			return 0, nil, fmt.Errorf("chunk %q is cut off", id)
		}
		if id == "fmt " {
			if format, err = parseWAVFormat(body[:size]); err != nil {
				return 0, nil, err
			}
		}
		next := min(size+size%2, uint64(len(body))) // chunks are padded to even lengths
		rest = body[next:]
	}
	return 0, nil, errors.New("no data chunk")
}

func parseWAVFormat(b []byte) (wavFormat, error) {
	if len(b) < 16 {
		return wavFormat{}, errors.New("format chunk is cut off")
	}
	tag := binary.LittleEndian.Uint16(b)
	channels := int(binary.LittleEndian.Uint16(b[2:]))
	rate := binary.LittleEndian.Uint32(b[4:])
	bits := binary.LittleEndian.Uint16(b[14:])
	if tag == wavExtensible {
		// The sub-format's GUID begins with the tag and goes on as every other WAVE GUID does.
		guid := []byte("\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71")
		if len(b) < 40 || !bytes.Equal(b[26:40], guid) {
			return wavFormat{}, errors.New("unknown extensible format")
		}
		tag = binary.LittleEndian.Uint16(b[24:])
	}
	switch {
	case tag != wavPCM || bits != 16:
		return wavFormat{}, fmt.Errorf("format %d with %d bits, want 16-bit PCM", tag, bits)
	case channels < 1 || channels > maxWAVChannels:
		return wavFormat{}, fmt.Errorf("%d channels", channels)
	case rate < 1 || rate > maxWAVRate:
		return wavFormat{}, fmt.Errorf("%d Hz", rate)
	}
	return wavFormat{rate: int(rate), channels: channels}, nil
}

func monoSamples(b []byte, channels int) []int16 {
	frame := 2 * channels
	samples := make([]int16, len(b)/frame)
	for i := range samples {
		sum := 0
		for c := range channels {
			sum += int(int16(binary.LittleEndian.Uint16(b[i*frame+2*c:])))
		}
		samples[i] = int16(sum / channels)
	}
	return samples
}
