package bridge

import (
	"context"
	"slices"

	"github.com/alexacall/alexacall/media"
)

// also are the codecs that the relay makes of others.
func (o *JoinOptions) also() []media.Codec {
	if o == nil || o.Relay == nil || o.Relay.Transcode == nil {
		return nil
	}
	return o.Relay.Also
}

// Place dials, and once more with the codecs that the relay makes of others if the called party has none of those that the other has.
func (o *JoinOptions) Place(ctx context.Context, d Dialer, to string, call *DialOptions) (Leg, error) {
	leg, err := d.Dial(ctx, to, call)
	if more := o.also(); err != nil && CauseOf(err) == Media && len(call.Plan) > 0 && len(more) > 0 {
		again := *call
		again.Plan = with(call.Plan, more)
		return d.Dial(ctx, to, &again)
	}
	return leg, err
}

// widened returns what a party is told that far speaks for, if it has said anything: p or, where the two have no sound in common, p with the
// codecs that a relay makes of others beside its own.
func (o *JoinOptions) widened(p, far media.Plan) media.Plan {
	mine, ok := p.Find(media.Audio)
	theirs, said := far.Find(media.Audio)
	if !ok || !said || shares(mine, theirs) {
		return p
	}
	return with(p, o.also())
}

// shares reports whether two parties have a sound codec in common.
func shares(m, n media.Media) bool {
	return slices.ContainsFunc(m.Codecs, func(c media.Codec) bool { return !c.IsDigits() && slices.ContainsFunc(n.Codecs, c.Matches) })
}

// with returns p with more sound codecs, behind those that it has.
func with(p media.Plan, more []media.Codec) media.Plan {
	p = p.Clone()
	for i := range p {
		if p[i].Kind != media.Audio {
			continue
		}
		for _, c := range more {
			if !slices.ContainsFunc(p[i].Codecs, c.Matches) {
				p[i].Codecs = append(p[i].Codecs, c)
			}
		}
	}
	return p
}
