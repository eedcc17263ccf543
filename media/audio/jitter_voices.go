package audio

import (
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// voice decodes one codec of a source.
type voice struct {
	codec media.Codec
	of    *media.Codec     // where codec was read the last time
	from  codec.Decoder    // nil: it is not decoded here
	to    *codec.Resampler // nil: its rate is the wanted one
}

// voices decode what a source sends, at one rate. A source that goes back to a codec finds its decoder.
type voices struct {
	rate    int
	all     [4]voice
	oldest  int
	now     *voice
	pcm     []int16
	unknown uint64
}

func (v *voices) find(c *media.Codec) *voice {
	if v.now != nil && v.now.of == c {
		return v.now
	}
	for i := range v.all {
		if o := &v.all[i]; o.of != nil && o.codec == *c {
			o.of = c
			return o
		}
	}
	o := &v.all[v.oldest]
	v.oldest = (v.oldest + 1) % len(v.all)
	*o = voice{codec: *c, of: c}
	d, err := codec.NewDecoder(*c, &codec.Options{Rate: v.rate})
	if err != nil {
		return o
	}
	if d.Rate() != v.rate {
		if o.to, err = codec.NewResampler(d.Rate(), v.rate); err != nil {
			return o
		}
	}
	o.from = d
	return o
}

// decode appends the samples of a packet, none if its codec is unknown.
func (v *voices) decode(out []int16, q *queued) ([]int16, error) {
	v.now = v.find(q.codec)
	switch {
	case v.now.from == nil:
		v.unknown++
		return out, nil
	case v.now.to == nil:
		return v.now.from.Decode(out, q.payload)
	}
	var err error
	v.pcm, err = v.now.from.Decode(v.pcm[:0], q.payload)
	return v.now.to.Append(out, v.pcm), err
}

// conceal appends n samples, or a few more, in place of what is not there; q is the packet after them, nil if that is not there.
func (v *voices) conceal(out []int16, n int, q *queued) []int16 {
	want := len(out) + n
	if v.now != nil && v.now.from != nil {
		var next []byte
		if q != nil && *q.codec == v.now.codec {
			next = q.payload
		}
		if v.now.to == nil {
			out = v.now.from.Conceal(out, n, next)
		} else {
			v.pcm = v.now.from.Conceal(v.pcm[:0], (n*v.now.from.Rate()+v.rate-1)/v.rate, next)
			out = v.now.to.Append(out, v.pcm)
		}
	}
	for len(out) < want {
		out = append(out, 0)
	}
	return out
}

// soften has what is decoded next joined to what was before something that is left out.
func (v *voices) soften() {
	if v.now != nil && v.now.from != nil {
		v.pcm = v.now.from.Conceal(v.pcm[:0], v.now.from.Rate()/400, nil)
	}
}
