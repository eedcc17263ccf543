package alexatest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cannedMedia writes well-formed descriptions that lead nowhere: its only candidate is the discard port of loopback. It needs no
// socket and no goroutine, so signalling can run under fake time.
type cannedMedia struct {
	negotiation
	codecs           []string
	camera           bool
	ufrag, pwd       string
	fingerprint      string
	ssrc             uint32
	session, version uint64
	done             <-chan struct{}
}

func newCannedMedia(done <-chan struct{}, o *EchoOptions) *cannedMedia {
	digest := make([]string, 0, 32)
	for _, b := range randomBytes(32) {
		digest = append(digest, fmt.Sprintf("%02X", b))
	}
	r := randomBytes(8)
	return &cannedMedia{
		negotiation: negotiation{style: o.OfferStyle, rec: newRecorder()},
		codecs:      o.codecs(),
		camera:      o.Camera,
		ufrag:       randomICE(4),
		pwd:         randomICE(22),
		fingerprint: "sha-256 " + strings.Join(digest, ":"),
		ssrc:        uint32(r[0])<<24 | uint32(r[1])<<16 | uint32(r[2])<<8 | uint32(r[3]) | 1,
		session:     3_900_000_000 + uint64(r[4])<<16 + uint64(r[5])<<8 + uint64(r[6]),
		done:        done,
	}
}

func (c *cannedMedia) reconnect() error {
	c.ufrag, c.pwd = randomICE(4), randomICE(22)
	return nil
}

func (c *cannedMedia) offer(want wants) (string, error) {
	first := []section{{kind: "audio", mid: "0"}, {kind: "video", mid: "1"}}
	if c.style != OfferModern {
		first[0].mid, first[1].mid = capturedMid, capturedVideoMid
	}
	if !c.camera {
		first = first[:1]
	}
	c.setUp(want, first)
	var payloads, pictures []payload
	for _, name := range c.codecs {
		payloads = append(payloads, payload{payloadType(name, c.style), name})
	}
	if c.camera {
		pictures = append(pictures, payload{payloadType(codecH264, c.style), codecH264})
	}
	return c.finishOffer(c.describe(payloads, pictures, "actpass"))
}

func (c *cannedMedia) answer(offer *remoteSDP) (string, error) {
	if err := c.takeOffer(offer); err != nil {
		return "", err
	}
	var common []payload
	speech := false
	for _, p := range offer.payloads {
		if slices.Contains(c.codecs, p.name) {
			common = append(common, p)
			speech = speech || isSpeech(p.name)
		}
	}
	if !speech {
		return "", fmt.Errorf("alexatest: no codec in common with the offer")
	}
	var pictures []payload
	for _, p := range offer.pictures {
		if c.camera && p.name == codecH264 {
			pictures = append(pictures, p)
		}
	}
	setup := "active"
	if offer.attribute("setup") == "active" {
		setup = "passive"
	}
	return c.finishAnswer(c.describe(common, pictures, setup), offer)
}

func (c *cannedMedia) accept(answer *remoteSDP) error {
	c.takeAnswer(answer)
	return nil
}

func (c *cannedMedia) rollback() { c.forgetOffer() }

func (c *cannedMedia) waitHeard(ctx context.Context, d time.Duration) error {
	return c.rec.wait(ctx, c.done, d)
}

func (c *cannedMedia) close() error { return nil }

// describe writes an audio section and, if there are pictures, a video section, in pion's style; place gives them their places and their
// directions.
func (c *cannedMedia) describe(payloads, pictures []payload, setup string) string {
	c.mu.Lock()
	mids := []string{c.layout.mid(), ""}
	if c.layout.video >= 0 {
		mids[1] = c.layout.sections[c.layout.video].mid
	}
	c.version++
	version := c.version
	c.mu.Unlock()
	lines := []string{
		"v=0",
		fmt.Sprintf("o=- %d %d IN IP4 0.0.0.0", c.session, version),
		"s=-",
		"t=0 0",
		"a=fingerprint:" + c.fingerprint,
	}
	lines = append(lines, c.section("audio", mids[0], setup, payloads)...)
	if len(pictures) > 0 {
		lines = append(lines, c.section("video", mids[1], setup, pictures)...)
	}
	return strings.Join(append(lines, ""), "\r\n")
}

// section writes one m-section.
func (c *cannedMedia) section(kind, mid, setup string, payloads []payload) []string {
	if mid == "" {
		mid = map[string]string{"audio": "0", "video": "1"}[kind]
	}
	var formats, maps []string
	for _, p := range payloads {
		formats = append(formats, strconv.Itoa(int(p.pt)))
		maps = append(maps, fmt.Sprintf("a=rtpmap:%d %s", p.pt, encodingName(p.name)))
		if params := codecParameters(p.name); params != "" {
			maps = append(maps, fmt.Sprintf("a=fmtp:%d %s", p.pt, params))
		}
		if p.name == codecH264 {
			for _, feedback := range []string{"nack", "nack pli", "ccm fir"} {
				maps = append(maps, fmt.Sprintf("a=rtcp-fb:%d %s", p.pt, feedback))
			}
		}
	}
	ssrc := c.ssrc
	if kind == "video" {
		ssrc++
	}
	lines := []string{
		"m=" + kind + " 9 UDP/TLS/RTP/SAVPF " + strings.Join(formats, " "),
		"c=IN IP4 0.0.0.0",
		"a=setup:" + setup,
		"a=mid:" + mid,
		"a=ice-ufrag:" + c.ufrag,
		"a=ice-pwd:" + c.pwd,
		"a=rtcp-mux",
	}
	lines = append(lines, maps...)
	return append(lines,
		fmt.Sprintf("a=ssrc:%d cname:echo", ssrc),
		"a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host",
		"a=end-of-candidates")
}
