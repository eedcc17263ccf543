package audio

import "encoding/binary"

// The formats of WAV that are written (RFC 2361).
const (
	wavWritePCM = 1
	wavWriteMu  = 7
)

// wavMost is how large a WAV file may be: its sizes have 32 bits, and some programs read them as signed.
const wavMost = 1<<31 - 1

// AppendWAV appends a WAV file of samples, mono, at a rate in Hz: a sound that a program has made, for whatever takes files.
func AppendWAV(b []byte, pcm []int16, rate int) []byte {
	w := wavWriter{rate: rate, channels: 1}
	b = w.head(b, int64(2*len(pcm)))
	for _, v := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}

// wavWriter writes 16-bit PCM or mu-law. The sizes in the head are put right whenever something has been written: a file whose sizes say
// "unknown" is read by ffmpeg, while sox and Python take it to be as long as it can be.
type wavWriter struct {
	mu             bool
	rate, channels int
	frames         int64 // so far, a sample of each channel
	said           int64 // bytes of sound that the head speaks of
	b              []byte
}

func (w *wavWriter) frameBytes() int {
	if w.mu {
		return w.channels
	}
	return 2 * w.channels
}

// head returns the head of a file that holds so many bytes of sound.
func (w *wavWriter) head(b []byte, sound int64) []byte {
	size, tag := w.frameBytes(), wavWritePCM
	formatBytes, more := uint32(16), uint32(0)
	if w.mu { // other formats than PCM say that they have no extension, and how many samples they hold
		tag, formatBytes, more = wavWriteMu, 18, 12
	}
	le := binary.LittleEndian
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, 4+8+formatBytes+more+8+uint32(sound))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, formatBytes)
	b = le.AppendUint16(b, uint16(tag))
	b = le.AppendUint16(b, uint16(w.channels))
	b = le.AppendUint32(b, uint32(w.rate))
	b = le.AppendUint32(b, uint32(w.rate*size))
	b = le.AppendUint16(b, uint16(size))
	b = le.AppendUint16(b, uint16(8*size/w.channels))
	if w.mu {
		b = le.AppendUint16(b, 0)
		b = append(b, "fact"...)
		b = le.AppendUint32(b, 4)
		b = le.AppendUint32(b, uint32(sound/int64(size)))
	}
	b = append(b, "data"...)
	return le.AppendUint32(b, uint32(sound))
}

func (w *wavWriter) headBytes() int64 {
	if w.mu {
		return 58
	}
	return 44
}

func (w *wavWriter) begin(o *recordOut, _ []byte) { o.next = w.head(o.next, 0) }

func (w *wavWriter) put(o *recordOut, at int64, b []byte) bool {
	if !w.fill(o, at) || o.room() < int64(len(b)) {
		return false
	}
	o.next = append(o.next, b...)
	w.frames += int64(len(b) / w.frameBytes())
	if len(o.next) >= pieceBytes {
		o.flush()
	}
	return true
}

func (w *wavWriter) fill(o *recordOut, upTo int64) bool {
	size := int64(w.frameBytes())
	for w.frames < upTo {
		n := min(upTo-w.frames, pieceBytes/size)
		if o.room() < n*size {
			return false
		}
		o.next = w.silence(o.next, int(n*size))
		w.frames += n
		if len(o.next) >= pieceBytes {
			o.flush()
		}
	}
	return true
}

func (w *wavWriter) silence(b []byte, n int) []byte {
	var silent byte
	if w.mu {
		silent = 0xFF
	}
	for range n {
		b = append(b, silent)
	}
	return b
}

// sound returns how many bytes of sound the file holds, whole frames up to a time and an even number.
func (w *wavWriter) sound(o *recordOut, upTo int64) int64 {
	size := int64(w.frameBytes())
	n := min(max(o.size-w.headBytes(), 0)/size, upTo) * size
	return n - n%2
}

// say has the head speak of n bytes of sound.
func (w *wavWriter) say(o *recordOut, n int64) {
	if n == w.said {
		return
	}
	w.b = w.head(w.b[:0], n)
	o.patch(w.b, 0)
	w.said = n
}

func (w *wavWriter) flush(o *recordOut) {
	o.flush()
	w.say(o, w.sound(o, endless))
}

func (w *wavWriter) end(o *recordOut, upTo int64) {
	o.flush()
	n := w.sound(o, upTo)
	o.cut(w.headBytes() + n)
	w.say(o, n)
	w.frames = n / int64(w.frameBytes())
}

func (w *wavWriter) heard() int64 { return w.frames }
