// Package audio is what lives by the clock: it plays, records, mixes and hears digits, on the streams of any leg.
//
// # Usage
//
// A program has one [Clock]. What it says to a leg, or hears of it, goes through the leg's media: a [Player] plays to a stream what [Open],
// [NewSource] or a [Fetcher] have opened, or [Tones]; [Digits] are the keys that are pressed, however they come, and [Dial] presses some; a
// [Recorder] writes what one stream or two bring into a file; a [Mixer] is a conference. This greets a leg that is up and records it:
//
//	sound := leg.Media().Stream(media.Audio)
//	player := audio.NewPlayer(clock, sound, nil)
//	defer player.Close()
//	welcome, err := audio.Open("welcome.wav")
//	if err != nil {
//		return err
//	}
//	if err := player.Play(ctx, welcome, nil); err != nil {
//		return err
//	}
//	file, err := audio.CreateRecordFile("messages", leg.Info().ID+".wav")
//	if err != nil {
//		return err
//	}
//	message, err := audio.NewRecorder(clock, file, &audio.RecorderOptions{StopAfterSilence: 5 * time.Second}, sound.Reader())
//	if err != nil {
//		return err
//	}
//	defer message.Close()
//	_, err = message.Wait(ctx)
//	return err
//
// All sound is mono, 16 bit, at a rate in Hz, in frames of 20 ms. What is said to a leg is said in the codec that its stream sends now, so a
// leg that is to hear something is answered with codec.Speakable of what it takes: a build without libopus does not encode Opus.
//
// A stream has one writer at a time: a Player, a member of a Mixer, a Dial or a relay. It has as many readers as there are.
//
// # When a leg ends
//
// Everything notices by itself that its leg's media have ended: [Player.Play] and [Digits.Next] return [io.EOF], [Dial] media.ErrClosed, a
// recording is over with [RecordStreamOver] once none of its sides goes on, and [Member.Wait] returns io.EOF. So what is played without end,
// such as music on hold, ends with the call, whatever its context.
//
// # Where samples are invented
//
// What needs samples at our pace, a mixer or a recorder, has a [Jitter] for each source, which makes up for what is lost and for clocks that
// differ; [JitterStats] count each sample that was invented or left out, by reason. A relay has none.
//
// # Concurrency
//
// A Clock has one goroutine that keeps the time and a few that do the work; players, recorders and mixers take their turns on it and have
// none of their own, but for a recorder's that waits for the disk, that of Digits, which waits for packets, and that of each file that a
// Fetcher fetches. What a Player plays is read by the goroutine that calls Play. Clock, Player, Recorder, Mixer, Member, Digits and Fetcher
// are safe for concurrent use; a Source, a Jitter and a Voice belong to one goroutine.
//
// # Limits
//
// Files are strangers': of a source 24 hours are played, at 8000 to 48000 Hz, and a Player plays the rates that a codec.Resampler knows. A WAV
// file has up to 8 channels, and in front of its sound 100 chunks and 16 MiB; it may be PCM of 8 to 32 bits, floating-point, A-law or mu-law. Ogg
// Opus has one stream, of one channel or two, and up to 16 MiB of comments. MP3 is MPEG 1 and 2, layer III, behind up to 16 MiB of tags. A
// Fetcher fetches 16 MiB in 10 s, by https at port 443 from public addresses, unless its options say otherwise. Digits keep 64 that nobody has
// asked for; Dial takes 256 characters. A recording may fall 8 s behind its disk before what comes is left out, and counted.
package audio
