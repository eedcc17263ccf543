package media_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// TestDTLSRoles answers every setup attribute, anew and with an association that stands (RFC 5763 section 5, RFC 8842 section 5).
func TestDTLSRoles(t *testing.T) {
	with := func(setup string) string {
		if setup == "" {
			return strings.ReplaceAll(alexaOffer, "a=setup:actpass\n", "")
		}
		return strings.ReplaceAll(alexaOffer, "a=setup:actpass", "a=setup:"+setup)
	}
	for _, c := range []struct {
		first, again, want string // setups of two offers, and of the answer to the second
	}{
		{"", "actpass", "active"},
		{"actpass", "actpass", "active"},
		{"passive", "passive", "active"},
		{"active", "active", "passive"},
		{"ACTIVE", "active", "passive"},
		{"active", "actpass", "passive"}, // the association keeps its roles
		{"passive", "actpass", "active"},
		{"actpass", "", "active"},
		{"active", "", "passive"},
		{"actpass", "active", "passive"}, // the far side insists
		{"active", "passive", "active"},
	} {
		t.Run(c.first+" then "+c.again, func(t *testing.T) {
			a := newParty(t, alexaSound())
			a.answerText(with(c.first), nil)
			text := a.answerText(with(c.again), nil)
			if got := first(attr(readSheet(text).media[0].lines, "setup")); got != c.want {
				t.Errorf("setup %q, want %q", got, c.want)
			}
			if got := a.n.Sections()[0].Transport.Client; got != (c.want == "active") {
				t.Errorf("the engine is told to begin the handshake: %v", got)
			}
		})
	}
	a := newParty(t, alexaSound())
	a.answerText(with("active"), nil)
	renewed := strings.ReplaceAll(with("actpass"), "34:D4", "35:D4")
	if text := a.answerText(renewed, nil); !strings.Contains(text, "a=setup:active\r\n") {
		t.Error("a new certificate is a new association, whose handshake we begin")
	}
}

// TestDTLSRolesOfOurOffer gives our offer every answer, and then lets the far side offer: the roles stay.
func TestDTLSRolesOfOurOffer(t *testing.T) {
	for setup, client := range map[string]bool{"active": false, "passive": true, "PASSIVE": true} {
		a, b := newParty(t, alexaSound()), newParty(t, alexaSound())
		answer := sdpText(t, b.answer(a.offer(nil), nil))
		a.accept(parse(t, strings.Replace(answer, "a=setup:active", "a=setup:"+setup, 1)))
		if got := a.n.Sections()[0].Transport.Client; got != client {
			t.Errorf("the answer %s makes us begin the handshake: %v", setup, got)
		}
		text := sdpText(t, a.answer(b.offer(nil), nil))
		if got, want := strings.Contains(text, "a=setup:active\r\n"), client; got != want {
			t.Errorf("after the answer %s the far side's offer is answered active: %v", setup, got)
		}
	}
}

// TestDTLSRolesKept answers our re-offer's actpass otherwise than the association stands, as some stacks do: it stands.
func TestDTLSRolesKept(t *testing.T) {
	a, b := newParty(t, alexaSound()), newParty(t, alexaSound())
	b.accept(a.answer(b.offer(nil), nil)) // we begin the handshake
	answer := sdpText(t, b.answer(a.offer(nil), nil))
	flipped := strings.Replace(answer, "a=setup:passive", "a=setup:active", 1)
	if flipped == answer {
		t.Fatalf("the other side has changed its role:\n%s", answer)
	}
	a.accept(parse(t, flipped))
	if !a.n.Sections()[0].Transport.Client {
		t.Error("the role has changed with the certificate the same")
	}
	a.offer(nil)
	a.accept(parse(t, strings.Replace(flipped, hash("A5"), hash("B6"), 1)))
	if a.n.Sections()[0].Transport.Client {
		t.Error("a new certificate is a new association, whose answer active makes the far side begin")
	}
}

func TestRestarts(t *testing.T) {
	a := newParty(t, alexaSound())
	if a.n.Restarts(parse(t, alexaOffer)) {
		t.Error("the first offer restarts nothing")
	}
	a.answerText(alexaOffer, nil)
	for _, c := range []struct {
		why, old, planted string
		restart           bool
	}{
		{"the same", "", "", false},
		{"hold", "a=sendrecv", "a=sendonly", false},
		{"other candidates", "192.0.2.10", "192.0.2.11", false},
		{"another fragment", "ice-ufrag:AGVf", "ice-ufrag:BGVf", true},
		{"another password", "ice-pwd:h3JA", "ice-pwd:i3JA", true},
		{"no ICE any more", "a=ice-", "a=x-", true},
		{"audio refused", "m=audio 1 RTP/SAVPF 96 0\n", "m=audio 0 RTP/SAVPF 96 0\na=ice-ufrag:none\n", false},
		{"credentials of the session", "t=0 0", "t=0 0\na=ice-ufrag:CGVf", false}, // those of the section count
	} {
		if got := a.n.Restarts(parse(t, strings.ReplaceAll(alexaOffer, c.old, c.planted))); got != c.restart {
			t.Errorf("%s: %v, want %v", c.why, got, c.restart)
		}
	}
	if a.n.Restarts(media.Description{}) {
		t.Error("no description restarts something")
	}
	video := strings.LastIndex(alexaOffer, "m=video")
	if a.n.Restarts(parse(t, alexaOffer[:video]+strings.ReplaceAll(alexaOffer[video:], "AGVf", "BGVf"))) {
		t.Error("credentials of a refused section count")
	}
	plain := newParty(t, media.Phone())
	plain.answerText(phoneOffer, nil)
	if plain.n.Restarts(parse(t, strings.Replace(phoneOffer, "49170", "49172", 1))) {
		t.Error("a leg without ICE restarts it")
	}
	a.answerText(strings.ReplaceAll(alexaOffer, "AGVf", "BGVf"), nil)
	if got := a.n.Sections()[0].Transport.Ufrag; got != "BGVf" {
		t.Errorf("after the restart the far side's fragment is %q", got)
	}
}

// TestSessionLevelSecurity takes fingerprint, setup and ICE credentials from the session where the section has none.
func TestSessionLevelSecurity(t *testing.T) {
	a := newParty(t, alexaSound())
	offer := strings.Replace(browserOffer, "a=setup:actpass", "a=setup:active\na=ice-ufrag:sess\na=ice-pwd:passwordOfTheSession00\na=ice-lite", 1)
	offer = strings.Replace(offer, "a=ice-ufrag:sXJ3\na=ice-pwd:yEclOTrLg1gEubBFefOqtmyV\n", "", 1)
	a.answerText(offer, nil)
	far := a.n.Sections()[0].Transport
	if far.Ufrag != "sess" || far.Pwd != "passwordOfTheSession00" || !far.Lite || far.Client || !strings.HasPrefix(far.Fingerprint, "sha-256 29:E2") {
		t.Errorf("lite %v, client %v, or credentials not those of the session", far.Lite, far.Client)
	}
}

func TestFingerprintChoice(t *testing.T) {
	const ours = "a=fingerprint:sha-256 34:D4:54:17"
	for _, c := range []struct{ planted, want string }{
		{"a=fingerprint:sha-1 00:01\n" + ours, "sha-256 34:D4"},
		{"a=fingerprint:sha-512 00:02\n" + ours, "sha-256 34:D4"},
		{"a=fingerprint:SHA-256 00:03\n" + ours, "SHA-256 00:03"},
		{"a=fingerprint:sha-1 00:04\na=x:", "sha-1 00:04"},
	} {
		a := newParty(t, alexaSound())
		a.answerText(strings.Replace(alexaOffer, ours, c.planted, 1), nil)
		if got := a.n.Sections()[0].Transport.Fingerprint; !strings.HasPrefix(got, c.want) {
			t.Errorf("takes %.12q, want %q", got, c.want)
		}
	}
}

// TestNoLineBreaksOut puts line breaks into everything that we write from values: no description comes of it, and what stood stands.
func TestNoLineBreaksOut(t *testing.T) {
	for _, evil := range []string{"x\r\na=evil", "x\na=evil", "x\ra=evil", "x\x00"} {
		spoilt := func(change func(*media.Local)) media.Local {
			l := local()
			change(&l)
			return l
		}
		opus := media.Opus()
		opus.Params = evil
		evilPolicy := alexaSound()
		evilPolicy.Audio = []media.Codec{opus, media.PCMU()}
		evilName := alexaSound()
		evilName.Audio = []media.Codec{{Name: evil, ClockRate: 8000, Channels: 1}}
		for name, c := range map[string]struct {
			p    *media.Policy
			l    media.Local
			want media.Plan
		}{
			"parameters of a plan":   {alexaSound(), local(), audio(sendRecv, opus)},
			"parameters of a policy": {evilPolicy, local(), audio(sendRecv, media.Opus(), opus)},
			"name of a codec":        {evilName, local(), nil},
			"address":                {alexaSound(), spoilt(func(l *media.Local) { l.Addr = evil }), nil},
			"fragment":               {alexaSound(), spoilt(func(l *media.Local) { l.Ufrag = evil }), nil},
			"password":               {alexaSound(), spoilt(func(l *media.Local) { l.Pwd = evil }), nil},
			"candidate":              {alexaSound(), spoilt(func(l *media.Local) { l.Candidates = []string{evil} }), nil},
			"fingerprint":            {alexaSound(), spoilt(func(l *media.Local) { l.Fingerprint = evil }), nil},
			"canonical name":         {alexaSound(), spoilt(func(l *media.Local) { l.CNAME = evil }), nil},
		} {
			if name == "parameters of a policy" {
				opus.Params = ""
				c.want = audio(sendRecv, opus)
			}
			before := newParty(t, alexaSound())
			before.answerText(alexaOffer, nil)
			n, d, err := before.n.Offer(c.p, c.l, c.want)
			wantUnchanged(t, name+" in an offer", before.n, n, d, err)
			if name == "name of a codec" {
				continue // an answer has no codec that was not offered
			}
			n, d, err = before.n.Answer(c.p, c.l, c.want, parse(t, alexaOffer))
			wantUnchanged(t, name+" in an answer", before.n, n, d, err)
		}
	}
}

func wantUnchanged(t *testing.T, why string, before, after media.Negotiation, d media.Description, err error) {
	t.Helper()
	if _, ok := errors.AsType[*media.DescriptionError](err); !ok || !d.IsZero() {
		t.Errorf("%s: error %v and a description %v, want a *DescriptionError alone", why, err, d)
	}
	if after != before {
		t.Errorf("%s: what stood has changed", why)
	}
}

// TestErrorsKeepWhatStands lets every method fail on a call that stands.
func TestErrorsKeepWhatStands(t *testing.T) {
	a := newParty(t, media.Phone())
	exchange(a, newParty(t, media.Phone()), nil, nil)
	agreed, far, sections := a.n.Agreed().String(), a.n.Far().String(), len(a.n.Sections())
	check := func(why string, n media.Negotiation, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: no error", why)
		}
		for _, kept := range []media.Negotiation{n, a.n} {
			if kept.Agreed().String() != agreed || kept.Far().String() != far || len(kept.Sections()) != sections {
				t.Errorf("%s: left %v of %v", why, kept.Agreed(), agreed)
			}
		}
	}
	n, _, err := a.n.Answer(a.p, a.l, nil, parse(t, strings.Replace(phoneOffer, "RTP/AVP", "RTP/SAVP", 1)))
	check("an offer refused", n, err)
	n, _, err = a.n.Answer(a.p, a.l, media.Plan{}, parse(t, phoneOffer))
	check("an offer with nothing wanted", n, err)
	n, _, err = a.n.Offer(a.p, a.l, media.Plan{})
	check("an offer of nothing", n, err)
	a.offer(audio(sendRecv, media.PCMU()))
	n, err = a.n.Accept(a.p, parse(t, answerTo("18")))
	check("an answer that takes nothing", n, err)
	n, err = a.n.Accept(a.p, parse(t, "v=0\ns=-\n"))
	check("an answer without m-lines", n, err)
	n, err = a.n.Accept(a.p, parse(t, strings.Replace(answerTo("0"), "RTP/AVP", "RTP/SAVP", 1)))
	check("an answer secured otherwise", n, err)
}
