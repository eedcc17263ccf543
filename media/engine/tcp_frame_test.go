package engine

import (
	"bufio"
	"bytes"
	"io"
	"testing"
	"testing/iotest"
)

// frames reads a stream to its end.
func frames(r io.Reader) (all [][]byte, err error) {
	in, buf := bufio.NewReaderSize(r, streamBuffer), make([]byte, packetSize)
	for {
		n, err := readFrame(in, buf)
		if err != nil {
			return all, err
		}
		all = append(all, bytes.Clone(buf[:n]))
	}
}

func FuzzFrames(f *testing.F) {
	for _, b := range [][]byte{
		{},
		{0},
		{0, 0},
		{0, 1},
		{0, 1, 'a'},
		{0, 0, 0, 2, 'a', 'b', 0},
		{0xff, 0xff, 'a'},
		{0x07, 0xff},
		appendFrame(appendFrame(nil, make([]byte, packetSize-1)), []byte("end")), append([]byte{0x08, 0}, make([]byte, packetSize)...),
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole, err := frames(bytes.NewReader(stream))
		torn, errTorn := frames(iotest.OneByteReader(bytes.NewReader(stream)))
		if len(whole) != len(torn) || (err == nil) != (errTorn == nil) {
			t.Fatalf("%d frames at once (%v), %d byte by byte (%v)", len(whole), err, len(torn), errTorn)
		}
		var again []byte
		for i := range whole {
			if !bytes.Equal(whole[i], torn[i]) || len(whole[i]) >= packetSize {
				t.Fatalf("frame %d is %x at once, %x byte by byte", i, whole[i], torn[i])
			}
			again = appendFrame(again, whole[i])
		}
		if !bytes.HasPrefix(stream, again) {
			t.Errorf("%x was read as %x", stream, again)
		}
	})
}
