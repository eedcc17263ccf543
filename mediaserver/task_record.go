package mediaserver

import (
	"context"
	"errors"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
)

// errNoPrompts is why a Server without Prompts cannot record.
var errNoPrompts = errors.New("mediaserver: no prompt store")

// record records a connection until that ends or it is stopped: its two sides, or all of a conference.
func (s *session) record(d *deed) {
	ctx, stop := context.WithCancel(context.Background())
	s.records[d.link] = stop
	name := s.server.recordName(d.name, s.linkID(d.link))
	readers := s.listen(d.link)
	o := audio.RecorderOptions{Stereo: s.server.RecordStereo && len(readers) == 2}
	id := d.link
	s.spawn(func() input {
		r := recorded{link: id, truncated: true}
		if err := s.recorder(ctx, name, &r, &o, readers); err != nil {
			s.log.Error("a recording is not whole", "connection", s.linkID(id), "err", err)
		}
		return input{kind: inRecorded, recorded: r}
	})
}

// listen returns readers of all who are in a link.
func (s *session) listen(id linkID) []*media.Reader {
	if room := s.rooms[id]; room != nil {
		return []*media.Reader{room.Reader()}
	}
	var readers []*media.Reader
	l := s.state.link(id)
	for _, side := range []partyID{l.caller, l.callee} {
		if p := s.people[side]; p != nil && p.leg != nil {
			readers = append(readers, p.leg.Media().Stream(media.Audio).Reader())
		}
	}
	return readers
}

// recorder writes a recording that gets a name, and tells r what came of it.
func (s *session) recorder(ctx context.Context, name string, r *recorded, o *audio.RecorderOptions, readers []*media.Reader) error {
	begun := false
	defer func() {
		for _, one := range readers {
			if !begun {
				_ = one.Close()
			}
		}
	}()
	if s.server.Prompts == nil {
		return errNoPrompts
	}
	file, err := s.server.Prompts.Record(context.WithoutCancel(ctx), s.server.Domain, name)
	if err != nil {
		return err
	}
	recorder, over, err := s.server.newRecorder(file, o, readers...)
	if err != nil {
		return errors.Join(err, file.Close(), file.Discard())
	}
	defer over()
	begun = true
	end, err := endOfRecording(ctx, recorder)
	if err != nil {
		return err
	}
	r.duration, r.truncated = end.Duration, end.Err != nil
	if r.name, err = keepRecording(file, &end); err != nil {
		r.truncated = true
	}
	return errors.Join(end.Err, err)
}

// keepRecording puts a recording in its place, and returns under which name it is there. One that has failed before there was anything in it is
// removed, and has none.
func keepRecording(file Recording, end *audio.RecordEnd) (name string, err error) {
	if end.Err != nil && end.Duration == 0 {
		return "", file.Discard()
	}
	return file.Done()
}
