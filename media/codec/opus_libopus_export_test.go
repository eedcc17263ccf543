//go:build cgo && libopus

package codec

import "time"

// HasLibopus says which build this is.
const HasLibopus = true

// FinalRange is the state of a decoder's range coder after a packet.
func FinalRange(d Decoder) uint32 { return d.(*libDecoder).finalRange() }

// SetClock gives an encoder another clock.
func SetClock(e Encoder, clock func() time.Time) { e.(*libEncoder).clock = clock }

// Complexity is that of an encoder now.
func Complexity(e Encoder) int { return e.(*libEncoder).load.complexity }
