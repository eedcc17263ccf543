package engine

// numbers remembers which of the sequence numbers up to the highest have been used. Who owns it keeps the highest.
type numbers [numbersKept / 64]uint64

// numbersKept is how many of them are remembered. A picture is a hundred packets or more, and one of them that is sent again comes
// behind all that were sent in the meantime.
const numbersKept = 512

// next makes room for the numbers from highest to seq, which is ahead of it, and notes seq.
func (n *numbers) next(highest, seq uint16) {
	if seq-highest >= numbersKept {
		*n = numbers{}
	} else {
		for i := highest + 1; i != seq; i++ {
			n[i%numbersKept/64] &^= 1 << (i % 64)
		}
	}
	n.use(seq)
}

func (n *numbers) use(seq uint16) { n[seq%numbersKept/64] |= 1 << (seq % 64) }

// used reports whether a number has been used. Of one that is older than those that are remembered it is not known, and it counts as
// used.
func (n *numbers) used(highest, seq uint16) bool {
	back := int16(highest - seq)
	return back >= numbersKept || back >= 0 && n[seq%numbersKept/64]>>(seq%64)&1 != 0
}
