package media_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// TestLocalLines writes our side of a transport in its variants.
func TestLocalLines(t *testing.T) {
	v6 := local()
	v6.Addr = "2001:db8::1"
	apart, none := local(), local()
	apart.RTCPPort, none.RTCPPort = 40007, 0
	mux := media.Phone()
	mux.Mux = true
	for _, c := range []struct {
		why          string
		p            *media.Policy
		l            media.Local
		dir          media.Direction
		has, hasNone []string
	}{
		{
			"a phone", media.Phone(), local(), sendRecv,
			[]string{"o=- 7001 1 IN IP4 192.0.2.1", "c=IN IP4 192.0.2.1", "m=audio 40000 RTP/AVP ", "a=ptime:20"},
			[]string{"a=rtcp", "a=ssrc", "a=setup", "a=fingerprint", "a=ice-", "a=candidate", "a=end-of-candidates", "a=mid", "a=group"},
		},
		{"IPv6", media.Phone(), v6, sendRecv, []string{"o=- 7001 1 IN IP6 2001:db8::1", "c=IN IP6 2001:db8::1"}, []string{"IP4"}},
		{"RTCP apart", media.Phone(), apart, sendRecv, []string{"a=rtcp:40007\r\n"}, []string{"a=rtcp-mux"}},
		{"no RTCP", media.Phone(), none, sendRecv, nil, []string{"a=rtcp"}},
		{"multiplexed", mux, apart, sendRecv, []string{"a=rtcp-mux\r\n"}, []string{"a=rtcp:"}},
		{"an Echo", alexaSound(), local(), sendOnly, []string{"a=ssrc:4711 cname:cnameofours\r\n", "a=end-of-candidates\r\n", "a=rtcp-mux\r\n"}, nil},
		{"an Echo that only sends", alexaSound(), local(), recvOnly, []string{"a=recvonly"}, []string{"a=ssrc"}},
	} {
		for _, asOffer := range []bool{true, false} {
			a, far := &party{t: t, p: c.p, l: c.l}, newParty(t, c.p)
			want := audio(c.dir, c.p.Audio...)
			var text string
			if asOffer {
				text = sdpText(t, a.offer(want))
			} else {
				text = sdpText(t, a.answer(far.offer(nil), want))
			}
			for _, s := range c.has {
				if !strings.Contains(text, s) {
					t.Errorf("%s, offer %v: no %q in\n%s", c.why, asOffer, s, text)
				}
			}
			for _, s := range c.hasNone {
				if strings.Contains(text, s) {
					t.Errorf("%s, offer %v: %q in\n%s", c.why, asOffer, s, text)
				}
			}
		}
	}
}

// TestMuxOnlyIfOffered does not send RTCP to the port of RTP because an answer says so unasked.
func TestMuxOnlyIfOffered(t *testing.T) {
	a := newParty(t, media.Phone())
	a.offer(nil)
	a.accept(parse(t, answerTo("0", "a=rtcp-mux")))
	if far := a.n.Sections()[0].Transport; far.Mux || far.RTCP.String() != "192.0.2.30:5007" {
		t.Errorf("mux %v, RTCP to %v", far.Mux, far.RTCP)
	}
	p := media.Phone()
	p.Mux = true
	b := newParty(t, p)
	b.offer(nil)
	b.accept(parse(t, answerTo("0", "a=rtcp-mux")))
	if far := b.n.Sections()[0].Transport; !far.Mux || far.RTCP.String() != "192.0.2.30:5006" {
		t.Errorf("offered and taken: mux %v, RTCP to %v", far.Mux, far.RTCP)
	}
	b.offer(nil)
	b.accept(parse(t, answerTo("0")))
	if far := b.n.Sections()[0].Transport; far.Mux || far.RTCP.String() != "192.0.2.30:5007" {
		t.Errorf("offered and not taken: mux %v, RTCP to %v", far.Mux, far.RTCP)
	}
}

// TestAnswerTooLong refuses an offer whose answer would be longer than what we take ourselves.
func TestAnswerTooLong(t *testing.T) {
	long := func(size int) string {
		offer := crlf(phoneOffer)
		for range 10 {
			offer += "m=video 9 RTP/AVP 31\r\n"
		}
		return offer + "a=mid:" + strings.Repeat("x", size-len(offer)-len("a=mid:\r\n")) + "\r\n"
	}
	a := newParty(t, media.Phone())
	a.answerText(long(media.MaxDescription-500), nil)
	n, d, err := a.n.Answer(a.p, a.l, nil, parse(t, long(media.MaxDescription)))
	if bad, ok := errors.AsType[*media.DescriptionError](err); !ok || !strings.HasPrefix(bad.Reason, "longer than") || !d.IsZero() || n != a.n {
		t.Errorf("error %v, want a *DescriptionError about the length", err)
	}
}
