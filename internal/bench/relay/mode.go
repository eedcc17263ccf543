//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/pion/srtp/v3"

	"github.com/alexacall/alexacall/media"
)

// mode is one kind of call.
type mode struct {
	name  string
	suite media.Suite // of the calling side; empty: plain RTP. The called side is plain always
	kind  media.Kind
	codec media.Codec
	every int             // slots between frames
	size  int             // bytes of a payload
	step  uint32          // of the RTP clock from frame to frame
	burst func(n int) int // packets of frame n

	offers []media.Codec // by the caller, before PCMU
	talk   [2]talk       // what caller and called say in codecs of their own; empty: what comes in goes out as it is
	opus   opus          // how our engine makes Opus; rtpengine goes by its own settings
}

const (
	slot     = time.Millisecond // of the generator: what is due in it goes out at once
	keyEvery = 50               // frames
)

// modes are all modes, by name: sound of 20 ms, and pictures of 25 a second with 1 Mbit/s, a key frame in every 2 s, whose packets come in
// one burst as an encoder sends them. A call with pictures has agreed on sound, and is silent.
func modes() map[string]mode {
	sound := mode{kind: media.Audio, codec: media.PCMU(), every: 20, size: 160, step: 160, burst: func(int) int { return 1 }}
	plain, cm80, gcm := sound, sound, sound
	plain.name, cm80.name, gcm.name = "plain", "cm80", "gcm"
	cm80.suite, gcm.suite = media.AESCM80, media.AES128GCM
	video := mode{name: "h264", kind: media.Video, codec: media.H264("42e01f", 1), every: 40, size: 1000, step: 3600, burst: func(n int) int {
		if n%keyEvery == 0 {
			return 40
		}
		return 4
	}}
	return map[string]mode{plain.name: plain, cm80.name: cm80, gcm.name: gcm, video.name: video}
}

// policy is that of a phone on one side.
func (m *mode) policy(caller bool) *media.Policy {
	p := &media.Policy{Name: "phone", Audio: []media.Codec{media.PCMU()}}
	switch {
	case m.transcodes() && caller:
		p.Audio = []media.Codec{m.talk[0].codec}
	case caller:
		p.Audio = append(slices.Clone(m.offers), p.Audio...)
	}
	if m.kind == media.Video {
		p.Video = []media.Codec{m.codec}
	}
	if caller && m.suite != "" {
		p.Security, p.Suites = media.SDES, []media.Suite{m.suite}
	}
	return p
}

// packets returns how many packets go out in a number of slots.
func (m *mode) packets(slots int) int {
	n := 0
	for frame := 0; frame*m.every < slots; frame++ {
		n += m.burst(frame)
	}
	return n
}

// newContext makes the SRTP context of a key; nil without one.
func newContext(k media.Key) (*srtp.Context, error) {
	profile := srtp.ProtectionProfileAes128CmHmacSha1_80
	switch k.Suite {
	case "":
		return nil, nil
	case media.AESCM80:
	case media.AES128GCM:
		profile = srtp.ProtectionProfileAeadAes128Gcm
	default:
		return nil, fmt.Errorf("relay: no context for %s", k.Suite)
	}
	key, salt := k.Split()
	return srtp.CreateContext(key, salt, profile, srtp.SRTPReplayProtection(128))
}
