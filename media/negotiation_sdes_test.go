package media_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// Lines as other implementations write them; the keys are the examples of RFC 4568 and counting bytes.
const (
	cm80  = "AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR"
	cm32  = "AES_CM_128_HMAC_SHA1_32 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj"
	gcm16 = "AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="
	gcm32 = "AEAD_AES_256_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis="
)

// sdes returns the phone's profile with keys in the descriptions.
func sdes(s media.Security) *media.Policy {
	p := media.Phone()
	p.Name, p.Security = "sdes", s
	return p
}

func newSDESParty(t *testing.T, p *media.Policy) *party {
	a := newParty(t, p)
	a.l.Keys, a.l.VideoKeys = p.NewKeys(), p.NewKeys()
	return a
}

// keyed returns phoneOffer in a profile with crypto lines.
func keyed(proto string, lines ...string) string {
	text := strings.Replace(phoneOffer, "RTP/AVP", proto, 1)
	for _, line := range lines {
		text += "a=crypto:" + line + "\n"
	}
	return text
}

// wantCrypto checks that an answer has one crypto line, under a tag and with our key of a suite.
func wantCrypto(t *testing.T, a *party, text, tag string, suite media.Suite) {
	t.Helper()
	i := slices.IndexFunc(a.l.Keys, func(k media.Key) bool { return k.Suite == suite })
	want := tag + " " + string(suite) + " inline:" + base64.StdEncoding.EncodeToString([]byte(a.l.Keys[i].Secret))
	if got := attr(readSheet(text).media[0].lines, "crypto"); len(got) != 1 || got[0] != want {
		t.Errorf("crypto %q, want %q", got, want)
	}
	if s := a.n.Sections()[0]; s.Security != media.SDES || s.KeyOut != a.l.Keys[i] || s.KeyIn.Suite != suite {
		t.Errorf("the engine is told %v in, %v out, %v", s.KeyIn, s.KeyOut, s.Security)
	}
}

// TestSDESAnswer chooses among offered lines: AES-GCM before the counter mode, whatever order they have, and the first line of a suite.
func TestSDESAnswer(t *testing.T) {
	for _, c := range []struct {
		name, tag string
		suite     media.Suite
		lines     []string
	}{
		{"one line", "1", media.AESCM80, []string{"1 " + cm80}},
		{"the short tag alone", "7", media.AESCM32, []string{"7 " + cm32}},
		{"GCM offered last", "3", media.AES128GCM, []string{"1 " + cm80, "2 " + cm32, "3 " + gcm16}},
		{"both GCM", "9", media.AES256GCM, []string{"1 " + gcm16, "2 " + cm80, "9 " + gcm32}},
		{"one suite twice", "2", media.AESCM80, []string{"2 " + cm80, "1 AES_CM_128_HMAC_SHA1_80 inline:" + strings.Repeat("A", 40)}},
		{"suite in small letters", "1", media.AESCM80, []string{"1 " + strings.ToLower(cm80[:23]) + cm80[23:]}},
		{"without padding", "1", media.AES128GCM, []string{"1 " + strings.TrimRight(gcm16, "=")}},
		{"lifetime and MKI", "1", media.AESCM80, []string{"1 " + cm80 + "|2^31|1:4"}},
		{"lifetime in numbers", "1", media.AESCM80, []string{"1 " + cm80 + "|1048576"}},
		{"MKI alone", "1", media.AESCM80, []string{"1 " + cm80 + "|17:1"}},
		{"a window", "1", media.AESCM80, []string{"1 " + cm80 + " WSH=64"}},
		{"unknown parameter that may be passed over", "1", media.AESCM80, []string{"1 " + cm80 + " -X=1"}},
		{"unknown suites before", "4", media.AESCM32, []string{"1 F8_128_HMAC_SHA1_80 inline:x", "2 AES_192_CM_HMAC_SHA1_80 inline:y", "4 " + cm32}},
		{"unusable lines before", "5", media.AESCM80, []string{
			"1 " + cm80 + " UNENCRYPTED_SRTP", "2 " + cm80 + " KDR=3", "3 " + cm80 + ";inline:" + strings.Repeat("A", 40), "5 " + cm80,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newSDESParty(t, sdes(media.SDES))
			wantCrypto(t, a, a.answerText(keyed("RTP/SAVP", c.lines...), nil), c.tag, c.suite)
		})
	}
}

// TestSDESKeys reads the bytes of keys and their identifiers.
func TestSDESKeys(t *testing.T) {
	for _, c := range []struct{ line, key, salt, mki string }{
		{cm80 + "|2^20|1:32", "=-n@%^x!Bjufr9)?", ",#5h\\`=&]{qiPQ", strings.Repeat("\x00", 31) + "\x01"},
		{cm32, "70xwPH5@/,L:S1wY", "\"~='EpgT%(i_Vc", ""},
		{cm32 + "|2^48|66051:3", "70xwPH5@/,L:S1wY", "\"~='EpgT%(i_Vc", "\x01\x02\x03"},
	} {
		a := newSDESParty(t, sdes(media.SDES))
		a.answerText(keyed("RTP/SAVP", "1 "+c.line), nil)
		in := a.n.Sections()[0].KeyIn
		if key, salt := in.Split(); string(key) != c.key || string(salt) != c.salt || in.MKI != c.mki {
			t.Errorf("%s is read as key %q, salt %q, identifier %q", c.line, key, salt, in.MKI)
		}
	}
}

// TestSDESRefusals refuses what is not protected as the policy asks, and lines that break RFC 4568.
func TestSDESRefusals(t *testing.T) {
	for _, c := range []struct{ name, offer string }{
		{"not protected", phoneOffer},
		{"no line", keyed("RTP/SAVP")},
		{"DTLS", keyed("UDP/TLS/RTP/SAVP", "1 "+cm80)},
		{"unknown suite", keyed("RTP/SAVP", "1 SEED_128_CCM_80 inline:AAAA")},
		{"key too short", keyed("RTP/SAVP", "1 "+cm80[:len(cm80)-4])},
		{"key too long", keyed("RTP/SAVP", "1 "+cm80+"AAAA")},
		{"key of another suite", keyed("RTP/SAVP", "1 AEAD_AES_256_GCM"+gcm16[len("AEAD_AES_128_GCM"):])},
		{"not base64", keyed("RTP/SAVP", "1 "+cm80[:len(cm80)-4]+"*!*!")},
		{"no key method", keyed("RTP/SAVP", "1 AES_CM_128_HMAC_SHA1_80")},
		{"another key method", keyed("RTP/SAVP", "1 "+strings.Replace(cm80, "inline", "uri", 1))},
		{"tag that is no number", keyed("RTP/SAVP", "a "+cm80)},
		{"tag that is too long", keyed("RTP/SAVP", "1234567890 "+cm80)},
		{"lifetime that a call outlives", keyed("RTP/SAVP", "1 "+cm80+"|2^10")},
		{"lifetime beyond what there is", keyed("RTP/SAVP", "1 "+cm80+"|2^49")},
		{"identifier that does not fit", keyed("RTP/SAVP", "1 "+cm80+"|2^31|256:1")},
		{"identifier too long", keyed("RTP/SAVP", "1 "+cm80+"|1:129")},
		{"identifier below zero", keyed("RTP/SAVP", "1 "+cm80+"|-1:4")},
		{"more than there may be", keyed("RTP/SAVP", "1 "+cm80+"|2^31|1:4|5")},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newSDESParty(t, sdes(media.SDES))
			n, d, err := a.n.Answer(a.p, a.l, nil, parse(t, c.offer))
			if !errors.Is(err, media.ErrRefused) || !d.IsZero() || n.Sections() != nil {
				t.Errorf("error %v, want ErrRefused", err)
			}
			if err != nil && strings.Contains(err.Error(), "PS1u") {
				t.Errorf("the error shows a key: %v", err)
			}
		})
	}
}

// TestSDESOffer offers a line for each suite, the strongest first, and takes only answers to one of them.
func TestSDESOffer(t *testing.T) {
	a := newSDESParty(t, sdes(media.SDES))
	text := sdpText(t, a.offer(nil))
	lines := attr(readSheet(text).media[0].lines, "crypto")
	if m := readSheet(text).media[0]; m.proto != "RTP/SAVP" || len(lines) != len(suites) {
		t.Fatalf("offers %s with %d lines", m.proto, len(lines))
	}
	for i, suite := range suites {
		if f := strings.Fields(lines[i]); f[0] != string(rune('1'+i)) || f[1] != string(suite) {
			t.Errorf("line %d has tag %s of %s, want %s", i, f[0], f[1], suite)
		}
	}
	for _, c := range []struct {
		name  string
		lines []string
		taken media.Suite
	}{
		{"the first", []string{"1 " + gcm32}, media.AES256GCM},
		{"another", []string{"3 " + cm80}, media.AESCM80},
		{"with an identifier", []string{"4 " + cm32 + "|2^31|1:1"}, media.AESCM32},
		{"the tag of another suite", []string{"1 " + cm80}, ""},
		{"a tag that was not offered", []string{"9 " + cm80}, ""},
		{"two lines", []string{"3 " + cm80, "4 " + cm32}, ""},
		{"no line", nil, ""},
		{"a suite that was not offered", []string{"1 AES_256_CM_HMAC_SHA1_80 inline:AAAA"}, ""},
	} {
		answer := strings.Replace(answerTo("0"), "RTP/AVP", "RTP/SAVP", 1)
		for _, line := range c.lines {
			answer += "a=crypto:" + line + "\n"
		}
		n, err := a.n.Accept(a.p, parse(t, answer))
		if c.taken == "" {
			if !errors.Is(err, media.ErrRefused) {
				t.Errorf("%s: error %v, want ErrRefused", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if s := n.Sections()[0]; s.KeyIn.Suite != c.taken || s.KeyOut.Suite != c.taken || s.KeyIn.Secret == s.KeyOut.Secret {
			t.Errorf("%s: keys %v and %v", c.name, s.KeyIn, s.KeyOut)
		}
	}
	if _, err := a.n.Accept(a.p, parse(t, answerTo("0"))); !errors.Is(err, media.ErrRefused) {
		t.Errorf("an answer that is not protected: %v", err)
	}
}

// TestSDESOptional protects where the far side can (RFC 8643), and never leaves the protection again.
func TestSDESOptional(t *testing.T) {
	p := sdes(media.SDESOptional)
	a := newSDESParty(t, p)
	if text := sdpText(t, a.offer(nil)); !strings.Contains(text, " RTP/AVP ") || strings.Count(text, "a=crypto:") != len(suites) {
		t.Errorf("offers\n%s", text)
	}
	plain, err := a.n.Accept(p, parse(t, answerTo("0")))
	if err != nil || plain.Sections()[0].Security != media.Plain || !plain.Sections()[0].KeyOut.IsZero() {
		t.Errorf("a far side without keys: %v", err)
	}
	a.accept(parse(t, answerTo("0", "a=crypto:3 "+cm80)))
	if s := a.n.Sections()[0]; s.Security != media.SDES || s.KeyIn.Suite != media.AESCM80 {
		t.Errorf("a far side with keys: %v, %v", s.Security, s.KeyIn)
	}
	if _, _, err := a.n.Answer(p, a.l, nil, parse(t, phoneOffer)); !errors.Is(err, media.ErrRefused) {
		t.Errorf("an offer that drops the protection: %v, want ErrRefused", err)
	}
	a.offer(nil)
	if _, err := a.n.Accept(p, parse(t, answerTo("0"))); !errors.Is(err, media.ErrRefused) {
		t.Errorf("an answer that drops the protection: %v, want ErrRefused", err)
	}
	b := newSDESParty(t, p)
	b.answerText(phoneOffer, nil)
	if text := b.answerText(keyed("RTP/AVP", "1 "+cm80), nil); !strings.Contains(text, "a=crypto:1 "+string(media.AESCM80)) {
		t.Error("keys are not taken where there were none before")
	}
	if text := newSDESParty(t, p).answerText(keyed("RTP/SAVP", "1 "+gcm16), nil); !strings.Contains(text, " RTP/SAVP ") {
		t.Error("an offer that must be protected is not taken")
	}
	if _, _, err := newSDESParty(t, p).n.Answer(p, a.l, nil, parse(t, keyed("RTP/SAVP"))); !errors.Is(err, media.ErrRefused) {
		t.Errorf("RTP/SAVP without keys: %v, want ErrRefused", err)
	}
}

// TestSDESForks lets one fork protect and the next not: the first one's protection does not bind the other (each is a far side of its
// own), but what stands at the end does.
func TestSDESForks(t *testing.T) {
	p := sdes(media.SDESOptional)
	a := newSDESParty(t, p)
	a.offer(nil)
	a.accept(parse(t, answerTo("0", "a=crypto:3 "+cm80)))
	a.accept(parse(t, answerTo("0")))
	if s := a.n.Sections()[0]; s.Security != media.Plain || !s.KeyIn.IsZero() {
		t.Errorf("a plain fork has %v with %v", s.Security, s.KeyIn)
	}
}

// TestSDESAgain renews descriptions: our key stays while the suite stands, a new key of theirs is told, and what stands is offered first.
func TestSDESAgain(t *testing.T) {
	a := newSDESParty(t, sdes(media.SDES))
	a.answerText(keyed("RTP/SAVP", "1 "+cm80, "2 "+cm32), nil)
	before := a.n.Sections()[0]
	a.answerText(keyed("RTP/SAVP", "1 "+cm80, "2 "+cm32), nil)
	if s := a.n.Sections()[0]; s.KeyIn != before.KeyIn || s.KeyOut != before.KeyOut {
		t.Error("a refresh changes the keys")
	}
	a.answerText(keyed("RTP/SAVP", "1 AES_CM_128_HMAC_SHA1_80 inline:"+strings.Repeat("B", 40)), nil)
	if s := a.n.Sections()[0]; s.KeyIn == before.KeyIn || s.KeyOut != before.KeyOut {
		t.Error("a new key of theirs is not told, or changes ours")
	}
	text := sdpText(t, a.offer(nil))
	if got := attr(readSheet(text).media[0].lines, "crypto"); !strings.HasPrefix(got[0], "3 "+string(media.AESCM80)) || len(got) != len(suites) {
		t.Errorf("offers %.25q first of %d", got[0], len(got))
	}
	if m := readSheet(text).media[0]; m.proto != "RTP/SAVP" {
		t.Errorf("offers %s", m.proto)
	}
}

// TestSDESBothWays lets two of us agree, under every set of suites.
func TestSDESBothWays(t *testing.T) {
	for i := range 1 << len(suites) {
		var some []media.Suite
		for j, s := range suites {
			if i>>j&1 != 0 {
				some = append(some, s)
			}
		}
		p := sdes(media.SDES)
		p.Suites = some
		a, b := newSDESParty(t, p), newSDESParty(t, sdes(media.SDES))
		if len(some) == 0 {
			p.Suites = nil
			a = newSDESParty(t, p)
			some = suites
		}
		exchange(a, b, nil, nil)
		sa, sb := a.n.Sections()[0], b.n.Sections()[0]
		if sa.KeyIn != sb.KeyOut || sa.KeyOut != sb.KeyIn || sa.KeyOut.Suite != some[0] {
			t.Errorf("%v: one side has %v in and %v out, the other %v and %v", some, sa.KeyIn, sa.KeyOut, sb.KeyIn, sb.KeyOut)
		}
	}
}
