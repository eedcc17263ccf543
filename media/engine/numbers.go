package engine

// numbers remembers which of the sequence numbers up to the highest have been used: of sound those of two seconds, of pictures more. Who
// owns it keeps the highest. The zero value is that of sound.
type numbers struct {
	sound    [numbersOfSound / 64]uint64
	pictures *[numbersKept / 64]uint64 // instead; nil: of sound
}

const (
	numbersOfSound = 128

	// numbersKept is how many are remembered of pictures. A picture is a hundred packets or more, and one of them that is sent again comes
	// behind all that were sent in the meantime.
	numbersKept = 512
)

// ofPictures makes room for those of pictures.
func (n *numbers) ofPictures() { n.pictures = new([numbersKept / 64]uint64) }

// kept returns how many numbers are remembered.
func (n *numbers) kept() uint16 {
	if n.pictures != nil {
		return numbersKept
	}
	return numbersOfSound
}

// word returns where the bit of a number stands.
func (n *numbers) word(seq uint16) *uint64 {
	if n.pictures != nil {
		return &n.pictures[seq%numbersKept/64]
	}
	return &n.sound[seq%numbersOfSound/64]
}

func (n *numbers) clear() {
	n.sound = [numbersOfSound / 64]uint64{}
	if n.pictures != nil {
		*n.pictures = [numbersKept / 64]uint64{}
	}
}

// next makes room for the numbers from highest to seq, which is ahead of it, and notes seq.
func (n *numbers) next(highest, seq uint16) {
	if seq-highest >= n.kept() {
		n.clear()
	} else {
		for i := highest + 1; i != seq; i++ {
			*n.word(i) &^= 1 << (i % 64)
		}
	}
	n.use(seq)
}

func (n *numbers) use(seq uint16) { *n.word(seq) |= 1 << (seq % 64) }

// used reports whether a number has been used. Of one that is older than those that are remembered it is not known, and it counts as
// used.
func (n *numbers) used(highest, seq uint16) bool {
	back := int16(highest - seq)
	return back >= int16(n.kept()) || back >= 0 && *n.word(seq)>>(seq%64)&1 != 0
}
