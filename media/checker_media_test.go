package media_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mediaFaults checks what an answer says of keys, pictures and feedback in an accepted section.
func mediaFaults(o, a *sheetMedia) (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	keys, offered := attr(a.lines, "crypto"), attr(o.lines, "crypto")
	secure := strings.HasPrefix(strings.ToUpper(strings.TrimPrefix(strings.ToUpper(a.proto), "UDP/TLS/")), "RTP/SAVP")
	prints := attr(a.lines, "fingerprint")
	switch {
	case len(keys) > 1:
		say("%d crypto lines (RFC 4568 section 5.1.2)", len(keys))
	case len(keys) == 1 && len(prints) > 0:
		say("keys beside a fingerprint")
	case len(keys) == 0 && len(prints) == 0 && secure:
		say("%s without keys", a.proto)
	case len(keys) == 1:
		f := strings.Fields(keys[0])
		same := func(line string) bool {
			g := strings.Fields(line)
			return len(g) > 2 && len(f) > 2 && g[0] == f[0] && strings.EqualFold(g[1], f[1]) && g[2] != f[2]
		}
		if !slices.ContainsFunc(offered, same) {
			say("crypto with the tag and the suite of no offered line, or with its key")
		}
	}
	for _, v := range attr(a.lines, "rtcp-fb") {
		if !slices.ContainsFunc(attr(o.lines, "rtcp-fb"), func(w string) bool { return sameFeedback(v, w) }) {
			say("feedback %q was not offered (RFC 4585 section 4.2)", v)
		}
	}
	faults = append(append(faults, extensionFaults(o, a)...), repairFaults(o, a)...)
	for _, n := range a.numbers {
		if a.codec(n) != "h264/90000/1" {
			continue
		}
		idO, modeO := h264Lines(o, n)
		idA, modeA := h264Lines(a, n)
		if idO != "" && (modeO != modeA || !slices.Equal(tools(idO), tools(idA))) {
			say("H.264 %s in mode %s answers %s in mode %s (RFC 6184 section 8.2.2)", idA, modeA, idO, modeO)
		}
	}
	return faults
}

func sameFeedback(answered, offered string) bool {
	a, o := strings.Fields(answered), strings.Fields(offered)
	return len(a) > 1 && len(o) > 1 && slices.Equal(a[1:], o[1:]) && (o[0] == "*" || o[0] == a[0])
}

// h264Lines returns profile-level-id and packetization-mode of a payload type; the id is empty if it has none.
func h264Lines(m *sheetMedia, number string) (id, mode string) {
	mode = "0"
	for _, v := range attr(m.lines, "fmtp") {
		n, params, _ := strings.Cut(v, " ")
		if n != number {
			continue
		}
		for one := range strings.SplitSeq(params, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(one), "=")
			switch strings.ToLower(name) {
			case "profile-level-id":
				id = strings.ToLower(value)
			case "packetization-mode":
				mode = value
			}
		}
		break // of two lines for one number the first counts
	}
	return id, mode
}

// tools returns the subsets of H.264 that decode a stream of a profile-level-id: baseline, main, extended, high, constrained high. It
// reads the constraint bits as H.264 annex A.2 defines them.
func tools(id string) []bool {
	n, err := strconv.ParseUint(id, 16, 24)
	if err != nil {
		return nil
	}
	idc, set := n>>16, func(bit int) bool { return n>>(15-bit)&1 != 0 }
	base := idc == 66 || set(0)
	main := idc == 77 || set(1)
	extended := idc == 88 || set(2)
	if idc == 100 {
		return []bool{false, false, false, true, set(4) && set(5)}
	}
	constrained := base && main || idc == 66 && set(1)
	if constrained {
		return []bool{true, true, true}
	}
	return []bool{base, main, extended || base}
}

func TestCheckerOfMedia(t *testing.T) {
	read := func(text string) *sheetMedia { s := readSheet(text); return &s.media[0] }
	const keyed, seen = "m=audio 9 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AA\n", "m=video 9 RTP/AVP 97\na=rtpmap:97 H264/90000\n"
	for _, c := range []struct{ offer, answer, fault string }{
		{keyed, "m=audio 9 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:BB\n", ""},
		{keyed, keyed, "or with its key"},
		{keyed, "m=audio 9 RTP/SAVP 0\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:BB\n", "of no offered line"},
		{keyed, "m=audio 9 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:BB\n", "of no offered line"},
		{keyed, "m=audio 9 RTP/SAVP 0\n", "without keys"},
		{keyed, "m=audio 9 RTP/SAVP 0\na=crypto:1 x y\na=crypto:2 x y\n", "2 crypto lines"},
		{keyed, "m=audio 9 RTP/SAVP 0\na=crypto:1 x y\na=fingerprint:z\n", "beside a fingerprint"},
		{seen + "a=rtcp-fb:* nack pli\n", seen + "a=rtcp-fb:97 nack pli\n", ""},
		{seen + "a=rtcp-fb:97 nack\n", seen + "a=rtcp-fb:97 nack pli\n", "was not offered"},
		{seen, seen + "a=extmap:1 urn:x\n", "header extension"},
		{seen + "a=fmtp:97 profile-level-id=42e01f\n", seen + "a=fmtp:97 profile-level-id=42c00d\n", ""},
		{seen + "a=fmtp:97 profile-level-id=42e01f\n", seen + "a=fmtp:97 profile-level-id=42001f\n", "RFC 6184"},
		{seen + "a=fmtp:97 profile-level-id=4d001f\n", seen + "a=fmtp:97 profile-level-id=64001f\n", "RFC 6184"},
		{seen + "a=fmtp:97 profile-level-id=42e01f\n", seen + "a=fmtp:97 profile-level-id=42e01f;packetization-mode=1\n", "RFC 6184"},
	} {
		wantFault(t, mediaFaults(read(c.offer), read(c.answer)), c.fault)
	}
}
