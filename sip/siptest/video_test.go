package siptest_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip/siptest"
)

// videoSection returns the lines of the section of pictures of a description.
func videoSection(sdp string) string {
	if at := strings.Index(sdp, "m=video"); at >= 0 {
		return sdp[at:]
	}
	return ""
}

// TestDoorPhone has a door phone show pictures, calling and called.
func TestDoorPhone(t *testing.T) {
	for _, side := range []string{"calls", "is called"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			door := phone(t, &siptest.PhoneOptions{User: "door", Play: siptest.Tone(440), Video: &siptest.VideoOptions{Aggregate: true, Sets: siptest.SetsInBoth}})
			desk := phone(t, &siptest.PhoneOptions{Video: &siptest.VideoOptions{Receive: true}})
			var sends, sees *siptest.Call
			if side == "calls" {
				sends, sees = call(t, door, desk, nil)
			} else {
				sees, sends = call(t, desk, door, nil)
			}
			reach(t, siptest.Up, sends, sees)
			eventually(t, "pictures", func() bool { return sees.Video().SeenFrames >= 20 })
			hears(t, sees, 440)
			if v := sees.Video(); v.SeenKeyFrames != 1 || v.SeenLost != 0 {
				t.Errorf("seen: %+v, want one key frame and no loss", v)
			}
			if err := sees.RequestKeyFrame(within(t)); err != nil {
				t.Fatal(err)
			}
			eventually(t, "another key frame", func() bool { return sees.Video().SeenKeyFrames == 2 })
			if v := sends.Video(); v.INFO != 1 || v.KeyFrames != 2 || v.Frames < 21 || v.Packets < v.Frames+16 {
				t.Errorf("sent: %+v", v)
			}
			section := videoSection(sends.LocalSDP())
			if !strings.Contains(section, "a=sendonly") || !strings.Contains(section, "profile-level-id=42e01f;packetization-mode=1;sprop-parameter-sets=Z0LgH") {
				t.Errorf("the door phone describes\n%s", section)
			}
			// The desk wants to show pictures too, which the door phone does not take.
			if v := sees.Video(); side == "calls" && (v.Frames != 0 || !strings.Contains(videoSection(sees.LocalSDP()), "a=recvonly")) {
				t.Errorf("the desk sends %+v after\n%s", v, videoSection(sees.LocalSDP()))
			}
		})
	}
}

// TestDoorPhoneOnHold holds a door phone: its pictures stop, and begin with a key frame again.
func TestDoorPhoneOnHold(t *testing.T) {
	t.Parallel()
	video := &siptest.VideoOptions{Receive: true}
	sends, sees := call(t, phone(t, &siptest.PhoneOptions{Video: &siptest.VideoOptions{}}), phone(t, &siptest.PhoneOptions{Video: video}), nil)
	reach(t, siptest.Up, sends, sees)
	eventually(t, "pictures", func() bool { return sees.Video().SeenFrames > 0 })
	if err := sees.Hold(within(t)); err != nil {
		t.Fatal(err)
	}
	if section := videoSection(sends.LocalSDP()); !strings.Contains(section, "a=inactive") {
		t.Errorf("the answer to a hold is\n%s", section)
	}
	silent(t, sees) // the sound ends with the pictures
	held := sends.Video().Frames
	if err := sees.Resume(within(t)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "pictures after hold", func() bool { return sends.Video().Frames > held+5 && sees.Video().SeenKeyFrames == 2 })
}

// TestVideoIsRefused calls a phone that has no pictures, and one that has none of the kind.
func TestVideoIsRefused(t *testing.T) {
	for name, o := range map[string]*siptest.PhoneOptions{
		"none":            {},
		"another mode":    {Video: &siptest.VideoOptions{SingleNAL: true}},
		"another profile": {Video: &siptest.VideoOptions{Profile: "64001f"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sends, sees := call(t, phone(t, &siptest.PhoneOptions{Play: siptest.Tone(440), Video: &siptest.VideoOptions{}}), phone(t, o), nil)
			reach(t, siptest.Up, sends, sees)
			hears(t, sees, 440)
			if v := sends.Video(); v.Frames != 0 {
				t.Errorf("%d pictures are sent to somebody who has refused them", v.Frames)
			}
			if section := videoSection(sees.LocalSDP()); section != "m=video 0 RTP/AVP 97\r\n" {
				t.Errorf("refused with\n%s", section)
			}
		})
	}
}

// TestVideoFeedbackIsAgreed shows what answers of each profile and feedback are.
func TestVideoFeedbackIsAgreed(t *testing.T) {
	t.Parallel()
	offers := phone(t, &siptest.PhoneOptions{Video: &siptest.VideoOptions{AVPF: true, Feedback: []string{"nack", "nack pli"}}})
	answers := phone(t, &siptest.PhoneOptions{Video: &siptest.VideoOptions{Receive: true, Feedback: []string{"ccm fir", "nack pli"}}})
	out, in := call(t, offers, answers, nil)
	reach(t, siptest.Up, out, in)
	if got, want := videoSection(out.LocalSDP()), "RTP/AVPF 97"; !strings.Contains(got, want) {
		t.Errorf("offer without %s:\n%s", want, got)
	}
	if got := videoSection(in.LocalSDP()); !strings.Contains(got, "RTP/AVPF 97") || strings.Count(got, "a=rtcp-fb:97 nack pli\r\n") != 1 || strings.Count(got, "rtcp-fb") != 1 {
		t.Errorf("answer:\n%s", got)
	}
}

// TestInfo sends INFO in a call.
func TestInfo(t *testing.T) {
	const update = "Content-Type: Application/Media_Control+XML ;charset=utf-8\n\n<media_control><picture_fast_update/></media_control>"
	for _, c := range []struct {
		name   string
		video  *siptest.VideoOptions
		rest   string
		status int
	}{
		{"a request for a key frame", &siptest.VideoOptions{}, update, 200},
		{"a digit", &siptest.VideoOptions{}, "Content-Type: application/dtmf-relay\n\nSignal=5\n", 415},
		{"nothing", &siptest.VideoOptions{}, "", 415},
		{"a phone without pictures", nil, update, 405},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := testutil.PacketPipe(t)
				silentPhone(t, near, siptest.PhoneOptions{Video: c.video})
				r := newRaw(t, far, near.LocalAddr())
				tag, _ := r.up(described(1, plainAudio))
				r.send("%s", outside("INFO", 2, tag, c.rest))
				res := r.response(c.status)
				if allow := res.GetHeader("Allow"); c.status == 405 && strings.Contains(allow.Value(), "INFO") {
					t.Errorf("Allow: %s", allow.Value())
				}
				r.send("%s", outside("BYE", 3, tag, ""))
				r.response(200)
			})
		})
	}
}

// TestNoKeyFrames has a phone whose key frames never come, whoever asks.
func TestNoKeyFrames(t *testing.T) {
	t.Parallel()
	video := &siptest.VideoOptions{Rate: 60, NoKeyFrames: true}
	sends, sees := call(t, phone(t, &siptest.PhoneOptions{Video: video}), phone(t, &siptest.PhoneOptions{Video: &siptest.VideoOptions{Receive: true}}), nil)
	reach(t, siptest.Up, sends, sees)
	if err := sees.RequestKeyFrame(within(t)); err != nil {
		t.Fatal(err)
	}
	asked := sends.Video().Frames
	eventually(t, "pictures", func() bool { return sends.Video().Frames > asked+50 && sees.Video().SeenFrames > 10 })
	if v := sees.Video(); v.SeenKeyFrames != 0 {
		t.Errorf("seen: %+v, want no key frame", v)
	}
}

// TestVideoLoss loses a part of the packets on purpose.
func TestVideoLoss(t *testing.T) {
	t.Parallel()
	video := &siptest.VideoOptions{Rate: 60, Loss: 0.25}
	sends, sees := call(t, phone(t, &siptest.PhoneOptions{Video: video}), phone(t, &siptest.PhoneOptions{Video: &siptest.VideoOptions{Receive: true}}), nil)
	reach(t, siptest.Up, sends, sees)
	eventually(t, "pictures", func() bool { return sends.Video().Packets >= 100 })
	// Which ones are lost depends on their number alone: of 100, 25 % give or take four times the deviation.
	if v := sends.Video(); v.Lost*4 < v.Packets-70 || v.Lost*4 > v.Packets+70 {
		t.Errorf("%d of %d packets are lost, want a quarter", v.Lost, v.Packets)
	}
	eventually(t, "a gap", func() bool { return sees.Video().SeenLost > 10 })
}

func TestVideoOptionsThatCannotBe(t *testing.T) {
	broken := func(text string) siptest.VideoSource { return siptest.AnnexB(strings.NewReader(text)) }
	const idr = "\x00\x00\x00\x01\x67\x42\xe0\x1f\x00\x00\x01\x68\xce\x00\x00\x01\x65\x88"
	for want, o := range map[string]siptest.VideoOptions{
		"61 pictures":              {Rate: 61},
		"-1 pictures":              {Rate: -1},
		"a share of 1.5":           {Loss: 1.5},
		"no STAP-A":                {SingleNAL: true, Aggregate: true},
		`feedback "goog-remb"`:     {Feedback: []string{"goog-remb"}},
		`profile-level-id "42"`:    {Profile: "42"},
		"130 by 96":                {Source: siptest.Pictures(130, 96)},
		"0 by 96":                  {Source: siptest.Pictures(0, 96)},
		"no byte stream":           {Source: broken("")},
		"does not begin with":      {Source: broken("\x00\x00\x01\x61\x9a")},
		"without a profile":        {Source: broken("\x00\x00\x01\x67\x42")},
		"packetization mode 1":     {SingleNAL: true, Source: broken(idr + strings.Repeat("x", 1300))},
		"no such file":             {Source: siptest.AnnexBFile(t.TempDir() + "/none.264")},
		"siptest: H.264: a stream": {Source: broken(idr + strings.Repeat("\x00\x00\x01a", 1<<20))},
	} {
		p, err := siptest.NewPhone(&siptest.PhoneOptions{Video: &o})
		if err == nil {
			_ = p.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "siptest: ") {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestAnnexBIsShared reads a stream once for two phones.
func TestAnnexBIsShared(t *testing.T) {
	t.Parallel()
	const film = "\x00\x00\x00\x01\x67\x42\xe0\x1f\x00\x00\x01\x68\xce\x00\x00\x01\x65\x88\x00\x00\x00\x01\x41\x9a\x00\x00"
	source := siptest.AnnexB(strings.NewReader(film))
	a := phone(t, &siptest.PhoneOptions{Video: &siptest.VideoOptions{Source: source, Receive: true}})
	b := phone(t, &siptest.PhoneOptions{Video: &siptest.VideoOptions{Source: source, Receive: true}})
	out, in := call(t, a, b, nil)
	reach(t, siptest.Up, out, in)
	for _, c := range []*siptest.Call{out, in} {
		eventually(t, "the film, again and again", func() bool { return c.Video().SeenKeyFrames >= 3 && c.Video().SeenFrames >= 6 })
	}
}
