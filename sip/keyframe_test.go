package sip_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// TestKeyFramesOut asks a door phone for key frames by INFO: at once, then once a second at the most with what was wanted meanwhile, until the
// leg is over.
func TestKeyFramesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		want := w.engine.Last(t).Options.KeyFrame
		for range 50 {
			want()
		}
		first := w.peer.request("INFO")
		if body := string(first.Body()); first.ContentType().Value() != "application/media_control+xml" || !strings.Contains(body, "<picture_fast_update/>") {
			t.Errorf("%s %q", first.ContentType().Value(), body)
		}
		w.peer.silence(400 * time.Millisecond) // one at a time
		w.peer.reply(first, 200, "", "")
		begin := time.Now()
		w.peer.reply(w.peer.request("INFO"), 200, "", "")
		if d := time.Since(begin); d != time.Second {
			t.Errorf("asked again after %v, want a second", d)
		}
		w.peer.silence(time.Minute) // all that was wanted has been asked for
		want()
		w.peer.reply(w.peer.request("INFO"), 500, "", "") // this once
		time.Sleep(2 * time.Second)
		want()
		w.peer.reply(w.peer.request("INFO"), 200, "", "")
		want()
		go func() { _ = l.Hangup(background, bridge.Normal) }()
		w.peer.reply(w.peer.request("BYE"), 200, "", "")
		want()
		w.peer.silence(time.Minute)
	})
}

// TestKeyFramesRefused asks no more who does not know what is asked for.
func TestKeyFramesRefused(t *testing.T) {
	for _, status := range []int{405, 415, 489, 501} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.peer.call()
			l := s.up(w, nil)
			want := w.engine.Last(t).Options.KeyFrame
			want()
			first := w.peer.request("INFO")
			want()
			w.peer.reply(first, status, "", "")
			want()
			w.peer.silence(time.Minute)
			if l.Ended() != nil {
				t.Errorf("%d ends the call", status)
			}
		})
	}
}

// TestKeyFramesIn takes requests for a key frame, as RFC 5168 has them and as devices write them.
func TestKeyFramesIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.up(w, nil)
		for _, c := range []struct {
			body   string
			status int
			update bool
		}{
			{`<?xml version="1.0" encoding="utf-8" ?>` + "\r\n<media_control><vc_primitive><to_encoder><picture_fast_update></picture_fast_update></to_encoder></vc_primitive></media_control>", 200, true},
			{"<media_control>\n <vc_primitive>\n <stream_id>7</stream_id><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>", 200, true},
			{"<media_control><vc_primitive><to_encoder><picture_fast_update_gob/></to_encoder></vc_primitive></media_control>", 200, true},
			{"<?xml version='1.0' encoding='ISO-8859-1'?><media_control><vc_primitive><to_encoder><picture_fast_update/>", 200, true},
			{"<media_control><general_error>no</general_error></media_control>", 200, false},
			{"<other><picture_fast_update/></other>", 400, false},
			{"picture_fast_update", 400, false},
			{"<media_control>" + strings.Repeat(" ", 3000) + "<picture_fast_update/></media_control>", 400, false},
		} {
			before := len(w.engine.Last(t).Injected())
			s.send("INFO", c.body, "Content-Type: Application/media_control+xml")
			w.peer.response(c.status, "INFO")
			synctest.Wait()
			got := w.engine.Last(t).Injected()[before:]
			if asked := len(got) == 1 && got[0].What == media.KeyFrame; asked != c.update || !asked && len(got) > 0 {
				t.Errorf("%q: %v", c.body, got)
			}
		}
	})
}
