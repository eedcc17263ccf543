package audio

// mp3OddRate is the sampling rate of MPEG 2 at which frames are padded. The decoder halves a frame's size after it has added the padding, so
// that every padded frame loses its last byte, and with it the sound of those that borrow from it. Frames of this rate are handed to it
// without padding, each with all of its data, none of it borrowed.
const mp3OddRate = 22050

const (
	mp3Borrowed  = 255 // bytes of earlier frames that one may use, in MPEG 2
	mp3PartBits  = 12  // of the field that says how much data a channel has
	mp3OddChoice = 14  // the highest bit rate's index
)

// mp3Repack makes the frames of a file ones that the decoder gets right.
type mp3Repack struct {
	past []byte // data of the frames before, which those that follow may borrow
	data []byte // of the frame
	out  []byte // frame for the decoder
	at   int    // of out
}

// read hands on what has been made, and makes a frame if there is none: of the budget so many bytes of the file are used for it.
func (r *mp3Repack) read(in *input, budget *int, b []byte) (int, error) {
	for r.at == len(r.out) && *budget > 0 {
		first, err := in.Peek(4)
		if err != nil {
			return 0, err
		}
		h, ok := mp3HeaderOf(first)
		size := 1 // of what is no frame
		if ok && h.rate == mp3OddRate && h.size > h.side {
			size = h.size
			frame, err := in.Peek(size)
			if err != nil {
				return 0, err
			}
			r.make(h, frame)
		}
		*budget -= size
		if err := in.skip(int64(size)); err != nil {
			return 0, err
		}
	}
	n := copy(b, r.out[r.at:])
	r.at += n
	return n, nil
}

// make makes a frame for the decoder of one of the file.
func (r *mp3Repack) make(h mp3Header, frame []byte) {
	begin := 4
	if frame[1]&1 == 0 {
		begin += 2
	}
	side, own := frame[begin:h.side], frame[h.side:]
	borrowed := int(side[0])
	r.data = r.data[:0]
	need := (mp3Bits(side, frame[3]>>6 == 3) + 7) / 8
	silent := borrowed > len(r.past) || need > borrowed+len(own)
	if !silent {
		r.data = append(append(r.data, r.past[len(r.past)-borrowed:]...), own...)[:need]
	}
	if r.past = append(r.past, own...); len(r.past) > mp3Borrowed {
		r.past = r.past[:copy(r.past, r.past[len(r.past)-mp3Borrowed:])]
	}

	index, size := r.room(4 + len(side))
	r.out = append(r.out[:0], frame[0], frame[1]|1, byte(index<<4)|frame[2]&0x0D, frame[3]) // no checksum, no padding
	r.out = append(r.out, side...)
	r.out[4] = 0 // borrowed
	if silent {  // what it borrows has gone
		clear(r.out[4:])
	}
	r.out = append(r.out, r.data...)
	for len(r.out) < size {
		r.out = append(r.out, 0)
	}
	r.out, r.at = r.out[:size], 0 // of the largest frame a little may be lost, of the highest sound
}

// room returns the bit rate, by its index, of a frame that holds the data, and its size.
func (r *mp3Repack) room(head int) (index, size int) {
	for index = 1; index <= mp3OddChoice; index++ {
		if size = 72 * 1000 * mp3BitTable[1][index] / mp3OddRate; size >= head+len(r.data) {
			return index, size
		}
	}
	return mp3OddChoice, size
}

// mp3Bits is how many bits of data a frame of MPEG 2 uses, by its side information (ISO 13818-3 section 2.4.1.7).
func mp3Bits(side []byte, mono bool) (sum int) {
	const channel = 63 // bits of each
	at := 8 + 1
	if !mono {
		at = 8 + 2
	}
	for ; at+channel <= 8*len(side); at += channel {
		for i := range mp3PartBits {
			bit := at + i
			sum += int(side[bit/8]>>(7-bit%8)&1) << (mp3PartBits - 1 - i)
		}
	}
	return sum
}
