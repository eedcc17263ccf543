package media_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// local returns our side of a transport.
func local() media.Local {
	return media.Local{
		ID: 7001, Addr: "192.0.2.1", Port: 40000, RTCPPort: 40001,
		Ufrag: "oUfr", Pwd: "ourPasswordOurPassword",
		Candidates:  []string{"1 1 udp 2130706431 192.0.2.1 40000 typ host"},
		Fingerprint: "sha-256 " + hash("A5"),
		SSRC:        4711, CNAME: "cnameofours",
	}
}

func hash(octet string) string { return strings.Repeat(octet+":", 31) + octet }

func sdpText(t testing.TB, d media.Description) string {
	t.Helper()
	text, err := d.AppendText(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// alexaSound is the profile of an Echo without its pictures, which have tests of their own.
func alexaSound() *media.Policy {
	p := media.AlexaCalling()
	p.Video = nil
	return p
}

// A party negotiates for one side of a test and holds all that it sends against the rules.
type party struct {
	t    *testing.T
	n    media.Negotiation
	p    *media.Policy
	l    media.Local
	sent string // our last description
}

func newParty(t *testing.T, p *media.Policy) *party { return &party{t: t, p: p, l: local()} }

func (a *party) answer(offer media.Description, want media.Plan) media.Description {
	a.t.Helper()
	n, d, err := a.n.Answer(a.p, a.l, want, offer)
	if err != nil {
		a.t.Fatalf("Answer: %v\n%s", err, sdpText(a.t, offer))
	}
	text := sdpText(a.t, d)
	a.blame(answerFaults(sdpText(a.t, offer), text), text)
	a.n = n
	a.send(text)
	return d
}

// answerText is answer for an SDP with LF line ends.
func (a *party) answerText(offer string, want media.Plan) string {
	a.t.Helper()
	return sdpText(a.t, a.answer(parse(a.t, offer), want))
}

func (a *party) offer(want media.Plan) media.Description {
	a.t.Helper()
	n, d, err := a.n.Offer(a.p, a.l, want)
	if err != nil {
		a.t.Fatalf("Offer: %v", err)
	}
	text := sdpText(a.t, d)
	a.blame(append(formFaults(text), offerFaults(a.sent, text)...), text)
	a.n = n
	a.send(text)
	return d
}

func (a *party) accept(answer media.Description) {
	a.t.Helper()
	n, err := a.n.Accept(a.p, answer)
	if err != nil {
		a.t.Fatalf("Accept: %v\n%s", err, sdpText(a.t, answer))
	}
	a.n = n
}

func (a *party) send(text string) {
	a.t.Helper()
	if a.sent != "" {
		a.blame(versionFaults(a.sent, text), text)
	}
	a.sent = text
}

func (a *party) blame(faults []string, text string) {
	a.t.Helper()
	if faults != nil {
		a.t.Errorf("%s\n%s", strings.Join(faults, "; "), text)
	}
}

// exchange lets a offer and b answer.
func exchange(a, b *party, wantA, wantB media.Plan) {
	a.t.Helper()
	a.accept(b.answer(a.offer(wantA), wantB))
}

func audio(dir media.Direction, codecs ...media.Codec) media.Plan {
	return media.Plan{{Kind: media.Audio, Dir: dir, Codecs: codecs}}
}

// named returns the codecs of p's audio by name and clock, for comparison without parameters.
func named(p media.Plan) string {
	m, _ := p.Find(media.Audio)
	var names []string
	for _, c := range m.Codecs {
		names = append(names, c.String())
	}
	return strings.Join(names, " ")
}

func dirOf(p media.Plan) media.Direction {
	m, _ := p.Find(media.Audio)
	return m.Dir
}

// mLines returns the m-lines of an SDP without its ports.
func mLines(text string) string {
	s := readSheet(text)
	var ls []string
	for _, m := range s.media {
		state := "taken"
		if m.portNumber() == 0 {
			state = "refused"
		}
		ls = append(ls, strings.Join(append([]string{m.kind, state, m.proto}, m.numbers...), " "))
	}
	return strings.Join(ls, "; ")
}

// TestAnswerAlexa answers the offers of Echo devices, documented and seen: order and mids kept, video refused in its place, only what
// is offered, whatever the line ends.
func TestAnswerAlexa(t *testing.T) {
	older := strings.Replace(alexaOffer, "RTP/SAVPF 96 0", "UDP/TLS/RTP/SAVPF 96 0", 1)
	for _, c := range []struct {
		name, offer, mLines, codecs, bundle string
	}{
		{"documented", alexaOffer, "audio taken RTP/SAVPF 96 0; video refused RTP/SAVPF 99", "opus/48000/2 PCMU/8000", "BUNDLE audio0"},
		{"mixed profiles", older, "audio taken UDP/TLS/RTP/SAVPF 96 0; video refused RTP/SAVPF 99", "opus/48000/2 PCMU/8000", "BUNDLE audio0"},
		{
			"seen", echoShowOffer, "audio taken UDP/TLS/RTP/SAVPF 96 0 8; video refused UDP/TLS/RTP/SAVPF 99",
			"opus/48000/2 PCMU/8000 PCMA/8000", "",
		},
	} {
		for end, offer := range map[string]string{"LF": c.offer, "CRLF": crlf(c.offer)} {
			t.Run(c.name+" "+end, func(t *testing.T) {
				a := newParty(t, alexaSound())
				text := a.answerText(offer, nil)
				if got := mLines(text); got != c.mLines {
					t.Errorf("m-lines %q, want %q", got, c.mLines)
				}
				if got := named(a.n.Agreed()); got != c.codecs {
					t.Errorf("agreed on %q, want %q", got, c.codecs)
				}
				s := readSheet(text)
				if got := first(attr(s.session, "group")); got != c.bundle {
					t.Errorf("group %q, want %q", got, c.bundle)
				}
				checkAlexaAnswer(t, s)
				checkAlexaTransport(t, a.n)
			})
		}
	}
}

func checkAlexaAnswer(t *testing.T, s sheet) {
	t.Helper()
	for i, want := range []string{"audio0", "video0"} {
		if got := first(attr(s.media[i].lines, "mid")); got != want {
			t.Errorf("section %d has mid %q, want %q", i, got, want)
		}
	}
	for name, want := range map[string]string{
		"setup": "active", "fingerprint": local().Fingerprint, "ice-ufrag": "oUfr", "ice-pwd": "ourPasswordOurPassword",
		"candidate": local().Candidates[0], "ssrc": "4711 cname:cnameofours", "rtpmap": "96 opus/48000/2",
	} {
		if got := first(attr(s.media[0].lines, name)); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, flag := range []string{"rtcp-mux", "end-of-candidates", "sendrecv"} {
		if len(attr(s.media[0].lines, flag)) != 1 {
			t.Errorf("no a=%s in the audio section", flag)
		}
	}
	if got, want := strings.Join(s.media[1].lines, "|"), "a=rtpmap:99 H264/90000|a=mid:video0|a=inactive"; got != want {
		t.Errorf("the refused section has %q, want %q", got, want)
	}
}

func checkAlexaTransport(t *testing.T, n media.Negotiation) {
	t.Helper()
	sections := n.Sections()
	if len(sections) != 1 || sections[0].Kind != media.Audio || sections[0].Dir != media.SendRecv {
		t.Fatalf("sections %v, want one of audio, sendrecv", sections)
	}
	far := sections[0].Transport
	if far.Ufrag != "AGVf" || far.Pwd != "h3JAYGhIaQ/Nvyaz9dLoz9" || !strings.HasPrefix(far.Fingerprint, "sha-256 34:D4:54:") {
		t.Error("credentials or fingerprint of the far side are not those of the offer")
	}
	if !far.Mux || !far.Client || far.Lite || len(far.Candidates) != 6 || far.Addr.IsValid() {
		t.Errorf("mux %v, client %v, lite %v, %d candidates, address %v", far.Mux, far.Client, far.Lite, len(far.Candidates), far.Addr)
	}
}

// TestAnswerTransport reads where media goes from every place where a description may say it.
func TestAnswerTransport(t *testing.T) {
	for _, c := range []struct{ name, old, planted, rtp, rtcp string }{
		{"the port above", "", "", "192.0.2.20:49170", "192.0.2.20:49171"},
		{"a=rtcp", "a=ptime:20", "a=rtcp:53020", "192.0.2.20:49170", "192.0.2.20:53020"},
		{"a=rtcp with an address", "a=ptime:20", "a=rtcp:53020 IN IP4 192.0.2.21", "192.0.2.20:49170", "192.0.2.21:53020"},
		{"a=rtcp with zeros", "a=ptime:20", "a=rtcp:53020 IN IP4 0.0.0.0", "192.0.2.20:49170", "192.0.2.20:53020"},
		{"a=rtcp without sense", "a=ptime:20", "a=rtcp:none", "192.0.2.20:49170", "192.0.2.20:49171"},
		{"multiplexed", "a=ptime:20", "a=rtcp-mux\na=rtcp:53020", "192.0.2.20:49170", "192.0.2.20:49170"},
		{"a c-line of the section", "a=ptime:20", "c=IN IP4 192.0.2.22", "192.0.2.22:49170", "192.0.2.22:49171"},
		{"IPv6", "a=ptime:20", "c=IN IP6 2001:db8::5", "[2001:db8::5]:49170", "[2001:db8::5]:49171"},
		{"IPv4 in IPv6", "a=ptime:20", "c=IN IP6 ::ffff:192.0.2.23", "192.0.2.23:49170", "192.0.2.23:49171"},
		{"the highest port", "49170", "65535", "192.0.2.20:65535", "invalid AddrPort"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newParty(t, media.Phone())
			text := a.answerText(strings.Replace(phoneOffer, c.old, c.planted, 1), nil)
			far := a.n.Sections()[0].Transport
			if far.Addr.String() != c.rtp || far.RTCP.String() != c.rtcp {
				t.Errorf("RTP to %v, RTCP to %v; want %s and %s", far.Addr, far.RTCP, c.rtp, c.rtcp)
			}
			if mux := strings.Contains(text, "a=rtcp-mux"); mux != (c.name == "multiplexed") {
				t.Errorf("rtcp-mux in the answer: %v", mux)
			}
		})
	}
}

// TestRefusals refuses whole offers, each for its reason, and leaves what stood as it was.
func TestRefusals(t *testing.T) {
	var bad *media.DescriptionError
	for _, c := range []struct {
		name, old, planted string
		policy             *media.Policy
		want               media.Plan
		is                 error
	}{
		{"host name", "IN IP4 192.0.2.20\nt=", "IN IP4 phone.example.com\nt=", media.Phone(), nil, media.ErrRefused},
		{"no address", "c=IN IP4 192.0.2.20\n", "", media.Phone(), nil, media.ErrRefused},
		{"SDES", "RTP/AVP", "RTP/SAVP", media.Phone(), nil, media.ErrRefused},
		{"another transport", "RTP/AVP", "TCP/MRCPv2", media.Phone(), nil, media.ErrRefused},
		{"not secured", "", "", alexaSound(), nil, media.ErrRefused},
		{"DTLS without a fingerprint", "RTP/AVP", "UDP/TLS/RTP/SAVPF", alexaSound(), nil, media.ErrRefused},
		{"no sound in common", "0 8 97 101", "97 101", media.Phone(), nil, media.ErrNoCommonCodec},
		{"digits only", "0 8 97 101", "101", media.Phone(), nil, media.ErrNoCommonCodec},
		{"another codec wanted", "", "", media.Phone(), audio(media.SendRecv, media.Opus()), media.ErrNoCommonCodec},
		{"nothing wanted", "", "", media.Phone(), media.Plan{}, media.ErrNoCommonCodec},
		{"refused by its sender", "49170", "0", media.Phone(), nil, media.ErrNoCommonCodec},
		{"no m-line", phoneOffer[strings.Index(phoneOffer, "m="):], "", media.Phone(), nil, media.ErrNoCommonCodec},
		{"video only", "m=audio", "m=video", media.Phone(), nil, media.ErrNoCommonCodec},
	} {
		t.Run(c.name, func(t *testing.T) {
			offer := parse(t, strings.Replace(phoneOffer, c.old, c.planted, 1))
			n, d, err := media.Negotiation{}.Answer(c.policy, local(), c.want, offer)
			if !errors.Is(err, c.is) || errors.As(err, &bad) {
				t.Errorf("error %v, want %v", err, c.is)
			}
			if !d.IsZero() || n.Agreed() != nil || n.Far() != nil || n.Sections() != nil {
				t.Errorf("a refused offer left %v, %v", n.Agreed(), n.Far())
			}
		})
	}
}
