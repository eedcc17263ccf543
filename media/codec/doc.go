// Package codec turns payloads of RTP into samples and back: G.711 and L16 (RFC 3551), G.722 at 64 kbit/s, comfort noise (RFC 3389), and Opus
// (RFC 6716, RFC 7587).
//
// # Usage
//
// All sound is mono, 16 bit, at a rate in Hz. NewDecoder and NewEncoder take what was negotiated, such as media.PCMU(); what this build can
// do is told by Decodes and Encodes, and Speakable leaves of a plan what it can say. A Resampler converts between rates. Everything appends
// to the slice that it is given, and allocates nothing once its buffers have grown.
//
// Packets come out of order, late, or not at all. A Sequencer puts them in order as they come and names those that are missing; a Decoder's
// Conceal makes samples in their place, most codecs' by a Concealer. A payload of comfort noise has its decoder's Conceal make the pause
// that follows; MeasureNoise and NoiseMaker are the two sides of it for whoever has a pause of his own to describe or to fill.
//
// Keys of telephones are here too: as telephone events (RFC 4733), which a Keypad makes presses of, and as tones, which a KeyTone makes and
// a Detector hears.
//
// Transcode puts all of this together for a relay, and Relay has the options of one that transcodes where it must.
//
// # Opus
//
// A build decodes Opus and does not encode it, unless it has the tag libopus, and cgo, and the headers of libopus 1.3 or later:
//
//	go build -tags libopus
//
// Then libopus does both, with copies of what may be lost (in-band FEC), its own concealment, and silence that is not sent (DTX). An encoder
// keeps within its budget of time by its complexity. Without the tag a Concealer makes up what is lost, and comfort noise what was not sent.
//
// # Concurrency
//
// A Decoder belongs to one source and an Encoder to one outgoing stream; each is used by one goroutine, as is every other value of this
// package. None starts a goroutine, and none needs a Close. The functions may be called by any goroutine. Filters of a Resampler and other
// tables are shared, and never written once they are made.
//
// # Limitations
//
// Without libopus, Opus is decoded exactly but for rounding where it is CELT, and with an error 48 dB or more below the sound where it is SILK;
// two channels whose phases are opposed cancel each other, and no encoder leaves out pauses: comfort noise is heard and not spoken. After a
// loss G.722 goes on with the state that it had: what is wrong with its samples is 15 dB below them after 60 ms, and 30 dB after 160 ms. Of
// samples at 8000 Hz its encoder makes a lower band as they are: what they have from 3.4 to 4 kHz, where a telephone's filter leaves little, is
// heard again from 4.6 down to 4 kHz, from 10 dB softer to as loud. Of the many kinds of L16 those with one channel are taken, at 8000, 16000,
// 24000, 44100 and 48000 Hz. A Resampler is made for voices: it leaves whole what is below 0.42 of the lower rate, at 48 kHz 20 kHz.
//
// Where a party goes over from a codec that is transcoded to G.722 to G.722 of its own, decoders that have heard the transcoder would click, by
// all that 16 bits hold. Some codes of the first packets are changed on the way instead, for half a second mostly and for a second in speech, and
// in music until it pauses; what is heard of speech meanwhile is off by a third of the loudest at most, and loses no time. Other codecs need no
// such thing, or, as Opus, go without. So do tones that stand for events in the middle of G.722 that is not transcoded, where the far side takes no
// events: nobody has followed what its decoder knows, and a tone begins with a click of up to full scale.
//
// A transcoder makes tones of telephone events for a far side that takes none, and for one that takes them events of the tones in sound that it
// transcodes; who gets the sound as it is gets the tones as they are. What sounds as a key might waits for 20 to 40 ms, as one packet in a hundred
// of speech does, so that 10 ms of a tone go out, and after sound that was nearly a key 40 ms. It has no clock: comfort noise becomes a pause.
package codec
