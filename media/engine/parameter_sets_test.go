package engine_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/alexacall/alexacall/media"
)

// TestParameterSets relays the pictures of door phones to an Echo. What a decoder has to be told first stands in the answer's format parameters,
// and goes into the stream before each key picture if the door says it in its description alone; one that sends it is left as it is.
func TestParameterSets(t *testing.T) {
	sps, pps := "\x67\x64\x00\x29 a sequence", "\x68\xce a picture"
	sprop := base64.StdEncoding.EncodeToString([]byte(sps)) + "," + base64.StdEncoding.EncodeToString([]byte(pps))
	const key, begins, goes, other = "\x65 a key picture", "\x7c\x85 a key picture begins", "\x7c\x05 and goes on", "\x41 another picture"
	for _, c := range []struct {
		name, fmtp string
		sent       []string // one access unit after another, "" between them
		want       []string
	}{
		{
			"said in the description alone", "packetization-mode=1;profile-level-id=640029;sprop-parameter-sets=" + sprop,
			[]string{key, "", other, "", begins, goes, "", other, "", key, key},
			[]string{sps, pps, key, other, sps, pps, begins, goes, other, sps, pps, key, key},
		},
		{
			"sent in the stream too", "packetization-mode=1;profile-level-id=640029;sprop-parameter-sets=" + sprop,
			[]string{sps, pps, key, "", other, "", key},
			[]string{sps, pps, key, other, key},
		},
		{"not said at all", "packetization-mode=1;profile-level-id=640029", []string{key, "", other, "", key}, []string{key, other, key}},
		{"single units", "packetization-mode=0;profile-level-id=42e01f;sprop-parameter-sets=" + sprop, []string{key, "", other}, []string{sps, pps, key, other}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e, s := listen(t), echoStyles()[0]
			echo, term, far := newEcho(t, s), open(t, e, media.AlexaDoor()), open(t, e, highPhone())
			d := newDoor(t, far, c.fmtp)
			text := echo.echoAnswered(t, s, term, far.Plan())
			for one := range strings.SplitSeq(c.fmtp, ";") {
				if !strings.Contains(text[strings.Index(text, "a=fmtp:99"):], one) {
					t.Errorf("no %q in\n%s", one, text)
				}
			}
			relayed(t, term, far)
			quiet := keeps(d.speaks) // until there is a way
			echo.hears("from the door")
			quiet()
			for _, payload := range c.sent {
				if payload == "" {
					d.video.time += 3000
					continue
				}
				before := d.video.time
				d.video.see(d.number, payload)
				d.video.time = before
			}
			var last *rtp.Packet
			for i, want := range c.want {
				select {
				case p := <-echo.seen:
					if string(p.Payload) != want {
						t.Fatalf("packet %d is %q, want %q", i, p.Payload, want)
					}
					if last != nil && p.SequenceNumber != last.SequenceNumber+1 {
						t.Errorf("packet %d has number %d after %d", i, p.SequenceNumber, last.SequenceNumber)
					}
					if unit := want[0] & 0x1f; last != nil && (unit == 8 || want == key && last.Payload[0]&0x1f == 8) && p.Timestamp != last.Timestamp {
						t.Errorf("packet %d is of another time than what it belongs to", i)
					}
					last = p
				case <-time.After(30 * time.Second):
					t.Fatalf("the Echo sees %d packets in 30 s, want %d", i, len(c.want))
				}
			}
		})
	}
}

// highPhone is what a leg to a door phone agrees on that sends H.264 of the profile High.
func highPhone() *media.Policy {
	p := doorPolicy()
	p.Video = append(p.Video, media.H264("640029", 1), media.H264("640029", 0))
	return p
}
