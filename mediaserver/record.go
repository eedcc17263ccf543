package mediaserver

import (
	"crypto/rand"
	"errors"
	"strings"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// recordFormat returns what recordings are written as: what this build cannot encode is WAV.
func (s *Server) recordFormat() audio.RecordFormat {
	if s.RecordFormat == audio.RecordOpus && !codec.Encodes(media.Opus()) {
		return audio.RecordWAV
	}
	return s.RecordFormat
}

// recordName makes up the name of a recording, unless it has one.
func (s *Server) recordName(name, id string) string {
	if name != "" {
		return name
	}
	if id == "" {
		id = strings.ToLower(rand.Text())
	}
	if s.recordFormat() == audio.RecordOpus {
		return "recording-" + id + ".ogg"
	}
	return "recording-" + id + ".wav"
}

// newRecorder records what readers have. When the recording has ended, over gives up what it was made with. On an error the readers are the
// caller's to close, and may be closed already.
func (s *Server) newRecorder(file Recording, o *audio.RecorderOptions, readers ...*media.Reader) (r *audio.Recorder, over func(), err error) {
	if o.Format = s.recordFormat(); o.Format != audio.RecordOpus {
		r, err = audio.NewRecorder(s.Clock, file, o, readers...)
		return r, func() {}, err
	}
	o.Stereo = false
	room, packets, err := s.encoded(readers)
	if err != nil {
		return nil, nil, err
	}
	if r, err = audio.NewRecorder(s.Clock, file, o, packets); err != nil {
		return nil, nil, errors.Join(err, packets.Close(), room.Close())
	}
	return r, func() { _ = room.Close() }, nil
}

// encoded returns a reader of packets of Opus with all that readers have, and the conference that makes them: a recorder takes packets as they
// come, and of one side.
func (s *Server) encoded(readers []*media.Reader) (*audio.Mixer, *media.Reader, error) {
	room, err := audio.NewMixer(s.Clock, nil)
	if err != nil {
		return nil, nil, err
	}
	near, far := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.Opus()}}})
	packets := far.Stream(media.Audio).Reader()
	_, err = room.Join(near.Stream(media.Audio), &audio.MemberOptions{Listen: true})
	for _, from := range readers {
		if err == nil {
			_, err = room.Join(overheard{from: from}, &audio.MemberOptions{Deaf: true})
		}
	}
	if err != nil {
		return nil, nil, errors.Join(err, packets.Close(), room.Close())
	}
	return room, packets, nil
}

// overheard is a stream of which there is a reader alone.
type overheard struct {
	ear
	from *media.Reader
}

// Reader implements media.Stream.
func (o overheard) Reader() *media.Reader { return o.from }
