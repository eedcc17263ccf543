package mediaserver_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
	"github.com/alexacall/alexacall/mediaserver"
)

// TestRecordOpus records a connection, a conference and somebody alone as Ogg Opus, which is WAV where this build does not encode it.
func TestRecordOpus(t *testing.T) {
	onStage(t, func(s *stage) {
		a, b := s.phone("a", 300), s.phone("b", 500)
		s.server.RecordFormat, s.server.RecordStereo = audio.RecordOpus, true
		room := ""
		s.app.newCall = func(*mediaserver.NewCall) (*mediaserver.Action, error) { return ivr() }
		s.app.command = func(r *mediaserver.IVRRequest) (*mediaserver.Command, error) {
			if r.Record == nil {
				return &mediaserver.Command{Record: &mediaserver.Record{Max: 2 * time.Second}}, nil
			}
			if r.Record.Reason != mediaserver.RecordMax || r.Record.Duration < 1900*time.Millisecond || r.Record.Duration > 2100*time.Millisecond {
				t.Errorf("recorded %+v", r.Record)
			}
			c := call(b.uri)
			c.Record = true
			return &mediaserver.Command{Call: c}, nil
		}
		s.app.event = func(*mediaserver.CallEvent) (*mediaserver.Action, error) {
			return &mediaserver.Action{Kind: mediaserver.JoinConference, ConnectionID: room}, nil
		}
		a.call()
		s.after(5 * time.Second)
		s.hear("a:b b:a")
		talk := s.app.last()
		var err error
		room, err = s.server.CreateConference(s.t.Context(), "", talk.ReplyID)
		s.ok(err)
		s.ok(s.server.Split(s.t.Context(), talk.ConnectionID, talk.ReplyID))
		s.after(time.Second)
		s.ok(s.server.StartRecording(s.t.Context(), room, talk.ReplyID, "talk.wav"))
		s.after(2 * time.Second)
		a.hangup()
		b.hangup()
		s.after(time.Second)
		var files []mediaserver.Notice
		for _, n := range s.app.notices {
			if n.Kind == mediaserver.RecordingReady {
				files = append(files, n)
			}
		}
		if len(files) != 3 {
			t.Fatalf("%d recordings, want 3: %+v", len(files), files)
		}
		first, ending := "RIFF", ".wav"
		if codec.Encodes(media.Opus()) {
			first, ending = "OggS", ".ogg"
		}
		for i, tones := range [][]float64{{300}, {300, 500}, {300, 500}} {
			f := files[i]
			if f.Truncated || f.Duration < 1500*time.Millisecond || f.Duration > 4*time.Second || i < 2 && !strings.HasSuffix(f.Filename, ending) {
				t.Errorf("recording %d: %+v", i, f)
			}
			if b := s.shelf.files[f.Filename]; !bytes.HasPrefix(b, []byte(first)) {
				t.Errorf("recording %d is no %s file", i, ending)
			}
			s.shelf.holds(t, f.Filename, tones...)
		}
	})
}
