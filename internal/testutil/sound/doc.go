// Package sound connects the tests of what handles samples to sound that is made from a seed, and to measures of what became of it.
//
// Only tests import it. It uses the standard library alone. All sound is mono, 16 bit, at a rate in Hz.
//
// # Usage
//
//	want := sound.Speech(1, 8000, 10*time.Second)
//	got := through(want)
//	got = sound.Shift(got, sound.Align(want, got, 800))
//	if snr := sound.SegmentalSNR(want, got, 8000); snr < 30 {
//		...
//	}
//
// # Concurrency
//
// Every function is pure: the same arguments give the same samples, and any goroutine may call it.
//
// # Limitations
//
// [Speech] has the pitch, formants, hiss and pauses of a voice, and no words. Nothing here weighs errors as an ear does.
package sound
