// Package audio is what lives by the clock: it plays, records, mixes and hears digits, on the streams of any leg.
//
// A Clock has one goroutine that keeps the time and a few that do the work; players, recorders and mixers take their turns on it and have
// none of their own, but for a recorder's that waits for the disk, that of Digits, which waits for packets, and that of each file that a
// Fetcher fetches. What a Player plays is read by the goroutine that calls Play. All sound is mono, 16 bit, at a rate in Hz, in frames of
// 20 ms.
package audio
