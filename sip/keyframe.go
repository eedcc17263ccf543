package sip

import (
	"bytes"
	"encoding/xml"
	"io"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/media"
)

const (
	typeMediaControl = "application/media_control+xml"

	maxMediaControl = 2048        // bytes of a body that are looked at
	keyFramePause   = time.Second // between two requests for a key frame: each costs as much as a second of pictures
)

// pictureFastUpdate asks for a key frame, the way that RFC 5168 section 5 has it.
const pictureFastUpdate = `<?xml version="1.0" encoding="utf-8"?>` + "\r\n" +
	`<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>` + "\r\n"

// keyFrames turns requests for a key frame into INFO requests, for a far side that takes none in its RTCP: one at a time, with a pause after
// each, and no more once it has refused one. Its methods may be called from any goroutine and do not wait.
type keyFrames struct {
	leg *Leg

	mu      sync.Mutex
	stopped bool
	busy    bool // one is under way, or has just been
	again   bool // another one was wanted meanwhile
	timer   *time.Timer
}

// want asks for a key frame.
func (k *keyFrames) want() {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.stopped:
	case k.busy:
		k.again = true
	default:
		k.busy = k.leg.post(k.leg.sendKeyFrame)
	}
}

// done says that a request went out, or could not.
func (k *keyFrames) done() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.stopped {
		k.timer = time.AfterFunc(keyFramePause, k.next)
	}
}

// next sends what was wanted during the pause.
func (k *keyFrames) next() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.busy = !k.stopped && k.again && k.leg.post(k.leg.sendKeyFrame)
	k.again = false
}

func (k *keyFrames) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	if k.timer != nil {
		k.timer.Stop()
	}
}

// sendKeyFrame sends INFO that asks for a key frame.
func (l *Leg) sendKeyFrame() {
	if l.dialog.remoteTag == "" || l.Ended() != nil {
		l.keyFrames.done()
		return
	}
	way, err := l.dialog.way()
	if err == nil {
		req := l.dialog.request(sipmsg.INFO, 0)
		contentType := sipmsg.ContentTypeHeader(typeMediaControl)
		req.AppendHeader(&contentType)
		req.SetBody([]byte(pictureFastUpdate))
		err = l.request(req, way, l.keyFrameAsked)
	}
	if err != nil {
		l.keyFrames.done()
	}
}

// keyFrameAsked takes what INFO was answered. Who does not understand it is not asked again.
func (l *Leg) keyFrameAsked(res *sipmsg.Response, err error) {
	if err == nil && !res.IsSuccess() {
		switch res.StatusCode {
		case 400, 403, 405, 415, 420, 469, 489, 501, 606:
			l.log.Debug("takes no request for a key frame", "status", res.StatusCode)
			l.keyFrames.stop()
			return
		}
	}
	l.keyFrames.done()
}

// mediaControl takes the body of an INFO with typeMediaControl, and reports whether it is one.
func (l *Leg) mediaControl(body []byte) bool {
	update, ok := parseMediaControl(body)
	if update {
		l.terminal.Inject(media.Video, &media.Packet{What: media.KeyFrame})
	}
	return ok
}

// parseMediaControl reports whether a body is that of RFC 5168, and asks for a key frame: by any of the names that devices have for it.
func parseMediaControl(body []byte) (update, ok bool) {
	if len(body) > maxMediaControl {
		return false, false
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // the names are ASCII in all of them
	for {
		token, err := d.Token()
		if err != nil {
			return update, ok
		}
		start, is := token.(xml.StartElement)
		switch {
		case !is:
		case !ok:
			if ok = start.Name.Local == "media_control"; !ok {
				return false, false
			}
		case start.Name.Local == "picture_fast_update", start.Name.Local == "picture_fast_update_gob", start.Name.Local == "picture_fast_update_mb":
			update = true
		}
	}
}
