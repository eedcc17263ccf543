package audio_test

import (
	"encoding/binary"
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// memFile is a file in memory, on a disk that may be slow, full or broken.
type memFile struct {
	mu    sync.Mutex
	data  []byte
	ops   []fileOp      // what was done to it
	most  int           // bytes that it takes; 0: any number
	stuck chan struct{} // where writes wait until it is closed; nil: nowhere

	failure  error // of every write
	closing  error // of Close
	closed   bool
	cutShort bool // Truncate was called
}

// fileOp is a write at a place.
type fileOp struct {
	at   int
	data []byte
}

func (f *memFile) Write(b []byte) (int, error) {
	if f.stuck != nil {
		<-f.stuck
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failure != nil || f.closed {
		return 0, errors.Join(f.failure, errIfClosed(f.closed))
	}
	n := len(b)
	if f.most > 0 {
		n = min(n, f.most-len(f.data))
	}
	f.ops = append(f.ops, fileOp{len(f.data), append([]byte(nil), b[:n]...)})
	f.data = append(f.data, b[:n]...)
	if n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (f *memFile) WriteAt(b []byte, at int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, errIfClosed(true)
	}
	if at+int64(len(b)) > int64(len(f.data)) {
		return 0, errors.New("patched what is not there")
	}
	f.ops = append(f.ops, fileOp{int(at), append([]byte(nil), b...)})
	copy(f.data[at:], b)
	return len(b), nil
}

func (f *memFile) Truncate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.data, f.cutShort = f.data[:size], true
	return nil
}

func (f *memFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return f.closing
}

func errIfClosed(closed bool) error {
	if closed {
		return errors.New("closed")
	}
	return nil
}

// recordCall is a call that is recorded, in fake time: what the parties say is written to their ends of a pipe.
type recordCall struct {
	t     *testing.T
	clock *audio.Clock
	says  [2]media.Stream // a party's own end
	hears [2]media.Stream // where it is heard
	seq   [2]uint16
	time  [2]uint32
}

func newRecordCall(t *testing.T) *recordCall {
	t.Helper()
	c := &recordCall{t: t, clock: audio.NewClock(nil)}
	t.Cleanup(c.clock.Close)
	all := media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{
		media.PCMU(), media.PCMA(), media.G722(), media.Opus(), codec.L16(8000), codec.L16(16000),
	}}}
	for i := range c.says {
		a, b := media.Pipe(all)
		c.says[i], c.hears[i] = a.Stream(media.Audio), b.Stream(media.Audio)
	}
	return c
}

// record begins to record sides of the call.
func (c *recordCall) record(f audio.RecordFile, o *audio.RecorderOptions, sides ...int) *audio.Recorder {
	c.t.Helper()
	var rs []*media.Reader
	for _, i := range sides {
		rs = append(rs, c.hears[i].Reader())
	}
	r, err := audio.NewRecorder(c.clock, f, o, rs...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = r.Close() })
	time.Sleep(700 * time.Microsecond) // so that no turn, which are 2 ms apart, comes at the same time as a packet
	return r
}

// send has a party send a payload of 20 ms.
func (c *recordCall) send(party int, of media.Codec, payload []byte) {
	p := media.Packet{Codec: &of, Seq: c.seq[party], Time: c.time[party], Payload: payload}
	c.skip(party, of)
	if err := c.says[party].Write(&p); err != nil {
		c.t.Error(err)
	}
}

// skip has a packet of a party be lost.
func (c *recordCall) skip(party int, of media.Codec) {
	c.seq[party]++
	c.time[party] += uint32(of.ClockRate / codec.FramesPerSecond)
}

// talk has both parties say something, in real time. A party without samples is silent.
func (c *recordCall) talk(of [2]media.Codec, pcm [2][]int16) {
	c.t.Helper()
	var es [2]codec.Encoder
	for i := range es {
		if pcm[i] == nil {
			continue
		}
		var err error
		if es[i], err = codec.NewEncoder(of[i], nil); err != nil {
			c.t.Fatal(err)
		}
	}
	for more := true; more; {
		more = false
		for i, e := range es {
			if e == nil || len(pcm[i]) < e.Rate()/codec.FramesPerSecond {
				continue
			}
			n := e.Rate() / codec.FramesPerSecond
			payload, err := e.Encode(nil, pcm[i][:n])
			if err != nil {
				c.t.Fatal(err)
			}
			c.send(i, of[i], payload)
			pcm[i], more = pcm[i][n:], true
		}
		if more {
			time.Sleep(audio.FrameTime)
		}
	}
}

// ended returns how the recording has ended.
func ended(t *testing.T, r *audio.Recorder) audio.RecordEnd {
	t.Helper()
	e, err := r.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// wavSound is what a WAV file says of itself, and its samples by channel.
type wavSound struct {
	tag, channels, rate, bits int
	sound                     [][]int16
}

// readWAV reads a file by the rules of the format. What its head promises has to be there.
func readWAV(t *testing.T, b []byte) wavSound {
	t.Helper()
	le := binary.LittleEndian
	if len(b) < 44 || string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " || int(le.Uint32(b[4:]))+8 != len(b) {
		t.Fatalf("head % x of %d bytes", b[:min(len(b), 44)], len(b))
	}
	w := wavSound{tag: int(le.Uint16(b[20:])), channels: int(le.Uint16(b[22:])), rate: int(le.Uint32(b[24:])), bits: int(le.Uint16(b[34:]))}
	frame := w.bits / 8 * w.channels
	if int(le.Uint32(b[28:])) != w.rate*frame || int(le.Uint16(b[32:])) != frame {
		t.Fatalf("head % x", b[:44])
	}
	rest := b[20+le.Uint32(b[16:]):]
	if w.tag != 1 {
		if string(rest[:4]) != "fact" || le.Uint32(rest[4:]) != 4 {
			t.Fatalf("head % x", b[:58])
		}
		if n := int(le.Uint32(rest[8:])); n != (len(rest)-20)/frame {
			t.Errorf("%d samples by the fact chunk, and %d bytes", n, len(rest)-20)
		}
		rest = rest[12:]
	}
	if string(rest[:4]) != "data" || int(le.Uint32(rest[4:])) != len(rest)-8 {
		t.Fatalf("data % x, %d bytes", rest[:8], len(rest)-8)
	}
	w.sound = wavChannels(t, rest[8:], w)
	return w
}

func wavChannels(t *testing.T, b []byte, w wavSound) [][]int16 {
	t.Helper()
	law, err := codec.NewDecoder(media.PCMU(), nil)
	if err != nil {
		t.Fatal(err)
	}
	sound := make([][]int16, w.channels)
	for i := 0; len(b) >= w.bits/8; i++ {
		var x int16
		if w.bits == 16 {
			x = int16(binary.LittleEndian.Uint16(b))
		} else if pcm, err := law.Decode(nil, b[:1]); err == nil {
			x = pcm[0] // a lone sample is not faded
		}
		sound[i%w.channels] = append(sound[i%w.channels], x)
		b = b[w.bits/8:]
	}
	return sound
}
