package mediaserver

import (
	"context"
	"time"
)

// talk has an IVR talk to somebody.
func (s *session) talk(d *deed) {
	p, party, l := s.people[d.party], d.party, d.link
	s.start(func(ctx context.Context) input {
		speakable(ctx, p.leg)
		tending, stop := context.WithCancel(ctx)
		tended := make(chan struct{})
		go func() {
			defer close(tended)
			tend(tending, p.leg)
		}()
		v := ivr{
			server: s.server, media: p.leg.Media(), domain: s.server.Domain, log: s.log,
			ask: func(ctx context.Context, r *IVRRequest) (*Command, error) {
				r.SessionInfo, r.Called, r.User = s.info(), s.called, p.user
				r.ConnectionID, r.ParticipantID = s.linkID(l), s.partyID(party)
				r.ReplyID = s.server.sign(r.ConnectionID)
				return decide(s, ctx, func(ctx context.Context) (*Command, error) { return s.server.Application.IVRCommand(ctx, r) })
			},
			recorded: func(name string, d time.Duration, truncated bool) {
				s.post(posted{input: input{kind: inRecorded, recorded: recorded{link: l, name: name, duration: d, truncated: truncated}}})
			},
		}
		left := v.run(ctx)
		stop()
		<-tended
		if ctx.Err() != nil {
			return input{}
		}
		if left.err != nil {
			s.log.Warn("an IVR has left", "err", left.err)
		}
		return input{kind: inIVRLeft, link: l, action: left.call, err: left.err}
	}, p)
}
