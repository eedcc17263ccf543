package audio_test

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/alexacall/alexacall/media/audio"
)

// TestAppendWAV has what is written read again.
func TestAppendWAV(t *testing.T) {
	want := []int16{0, 1, -1, 32767, -32768, 1234}
	for _, rate := range []int{8000, 16000, 48000} {
		file := audio.AppendWAV([]byte("before"), want, rate)
		source, err := audio.NewSource(bytes.NewReader(file[len("before"):]))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]int16, 10)
		n, err := source.Read(got)
		if err != nil || source.Rate() != rate || !slices.Equal(got[:n], want) {
			t.Errorf("%d Hz: %v, %v", source.Rate(), got[:n], err)
		}
		if n, err := source.Read(got); n != 0 || err != io.EOF { //nolint:errorlint // the interface has it as it is
			t.Errorf("after the end: %d, %v", n, err)
		}
	}
}
