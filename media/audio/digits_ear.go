package audio

import (
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

const (
	silentFor = 250 * time.Millisecond // without a packet: a key whose tone sounded is let go
	mostLost  = 60 * time.Millisecond  // that a decoder makes up for, to be ready for what comes
)

// ear hears the tones of keys in the packets of a stream.
type ear struct {
	order    codec.Sequencer
	of       media.Codec // that decoder takes; zero: none so far
	decoder  codec.Decoder
	detector *codec.Detector // nil: what comes cannot be decoded
	due      time.Time       // when the key that sounds is let go if nothing comes; zero while none does
	next     uint32          // RTP time of what follows
	pcm      []int16
}

// take appends the presses that are heard in p and in what it has made wait.
func (e *ear) take(out []codec.Press, p *media.Packet, now time.Time) []codec.Press {
	if p.Signal {
		return out // its number is none of the source's
	}
	e.order.Put(p)
	for {
		var q media.Packet
		lost, ok := e.order.Next(&q)
		if !ok {
			break
		}
		if q.What == media.RTP && q.Codec != nil {
			out = e.hear(out, &q, lost)
		}
	}
	e.due = time.Time{}
	if e.detector != nil && e.detector.Key() != 0 {
		e.due = now.Add(silentFor)
	}
	return out
}

func (e *ear) isDue(now time.Time) bool { return !e.due.IsZero() && !now.Before(e.due) }

// stop lets go of the key that sounds.
func (e *ear) stop(out []codec.Press) []codec.Press {
	e.due = time.Time{}
	if e.detector == nil {
		return out
	}
	return e.detector.Skip(out, e.decoder.Rate())
}

// hear takes the next packet of sound, before which some are lost.
func (e *ear) hear(out []codec.Press, p *media.Packet, lost int) []codec.Press {
	if *p.Codec != e.of || p.Start { // a new source's encoder begins anew too
		out = e.stop(out)
		e.use(p.Codec)
	}
	if e.detector == nil {
		return out
	}
	rate := e.decoder.Rate()
	if gap := e.gap(p, lost, rate); gap > 0 {
		if lost > 0 {
			e.pcm = e.decoder.Conceal(e.pcm[:0], min(gap, rate*int(mostLost/time.Millisecond)/1000), p.Payload)
		}
		out = e.detector.Skip(out, gap)
	}
	pcm, err := e.decoder.Decode(e.pcm[:0], p.Payload)
	if e.pcm = pcm; err != nil {
		return out
	}
	e.next = p.Time + uint32(len(pcm)*p.Codec.ClockRate/rate)
	return e.detector.Hear(out, pcm)
}

// gap returns how many samples are missing before p. Where no number is missing, a small step in time is the source's own inexactness.
func (e *ear) gap(p *media.Packet, lost, rate int) int {
	samples := int64(int32(p.Time-e.next)) * int64(rate) / int64(p.Codec.ClockRate)
	switch {
	case p.Start, samples > int64(rate):
		return rate // as good as another source
	case lost == 0 && samples < int64(rate/codec.FramesPerSecond):
		return 0
	case samples <= 0:
		return rate
	}
	return int(samples)
}

// use changes the decoder.
func (e *ear) use(c *media.Codec) {
	e.of, e.decoder, e.detector = *c, nil, nil
	decoder, err := codec.NewDecoder(*c, &codec.Options{Rate: 8000})
	if err != nil {
		return // what cannot be decoded has no keys for us
	}
	detector, err := codec.NewDetector(decoder.Rate())
	if err != nil {
		return
	}
	e.decoder, e.detector = decoder, detector
}
