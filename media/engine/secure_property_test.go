package engine_test

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
)

// loosenings are changes of a description, each of which may make a leg plain that was not, or move it to where somebody listens.
func loosenings(r *rand.Rand, ports []string) []func(string) string {
	lines := func(pattern string) func(string) string {
		re := regexp.MustCompile("(?m)^" + pattern + ".*\r\n")
		return func(s string) string { return re.ReplaceAllString(s, "") }
	}
	replace := func(old, changed string) func(string) string {
		return func(s string) string { return strings.ReplaceAll(s, old, changed) }
	}
	port := regexp.MustCompile(`m=audio \d+`)
	key := regexp.MustCompile(`inline:[A-Za-z0-9+/]{4}`)
	return []func(string) string{
		replace("UDP/TLS/RTP/SAVP", "RTP/AVP"),
		replace("RTP/SAVP", "RTP/AVP"),
		replace("RTP/AVP", "RTP/SAVP"),
		lines("a=crypto"), lines("a=fingerprint"), lines("a=setup"),
		replace("a=sendrecv", "a=sendonly"), replace("a=sendrecv", "a=inactive"),
		replace("127.0.0.1", "0.0.0.0"),
		func(s string) string { return port.ReplaceAllString(s, "m=audio "+ports[r.IntN(len(ports))]) },
		func(s string) string { return key.ReplaceAllString(s, "inline:AAAA") },
		func(s string) string { return s + "m=audio " + ports[0] + " RTP/AVP 0\r\nc=IN IP4 127.0.0.1\r\n" },
		func(s string) string { return s + "m=video " + ports[1] + " RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n" },
		func(s string) string {
			return port.ReplaceAllString(s, "m=audio "+ports[1]+" RTP/AVP 0\r\nc=IN IP4 127.0.0.1\r\nm=audio "+ports[0])
		},
	}
}

// TestSecureNeverTurnsPlain re-offers protected legs whatever might make them plain, in any order: no word of ours goes out in the clear,
// and none that comes so is heard.
func TestSecureNeverTurnsPlain(t *testing.T) {
	t.Parallel()
	optional := sdes()
	optional.Security = media.SDESOptional
	for name, policy := range map[string]*media.Policy{"SDES": sdes(), "SDES where both have it": optional, "DTLS": lockedByDTLS(true)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(8) {
				near, far := open(t, listen(t), policy), open(t, listen(t), policy)
				agree(t, near, far)
				say(t, near, far)
				say(t, far, near)
				loosen(t, rand.New(rand.NewPCG(seed, 7)), near, far)
			}
		})
	}
}

func agree(t *testing.T, near, far media.Terminal) {
	t.Helper()
	offer, err := far.Offer(nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := near.Answer(offer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := far.Accept(answer); err != nil {
		t.Fatal(err)
	}
}

// loosen makes some changes to what stands between near and far, of far's part.
func loosen(t *testing.T, r *rand.Rand, near, far media.Terminal) {
	t.Helper()
	const secret, evil = "a word of ours", "a word in the clear"
	heard := noteOf(near)
	socks := []*net.UDPConn{loopback(t), loopback(t)}
	ports := []string{portText(portOf(socks[0])), portText(portOf(socks[1]))}
	all, codec := loosenings(r, ports), media.PCMU()
	own, err := near.Offer(nil)
	if err != nil {
		t.Fatal(err)
	}
	near.Rollback()
	to := netip.MustParseAddrPort("127.0.0.1:" + soundPort(t, own))
	taken, sealed := 0, 0
	for step := range 25 {
		if step%5 == 0 { // it gets keys there too
			own, err := near.Offer(nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := far.Answer(own, nil)
			if err == nil {
				answer = loosened(t, r, all, answer, ports)
				err = near.Accept(answer)
			}
			if err != nil {
				near.Rollback()
			} else {
				taken++
			}
		} else {
			offer, err := far.Offer(nil)
			if err != nil {
				t.Fatal(err)
			}
			far.Rollback()
			if _, err := near.Answer(loosened(t, r, all, offer, ports), nil); err == nil {
				taken++
			}
		}
		for i := range uint16(3) {
			_ = near.Stream(media.Audio).Write(&media.Packet{Codec: &codec, Start: i == 0, Seq: i, Payload: []byte(secret)})
		}
		for _, s := range socks {
			for i := range uint16(5) {
				sendFrom(t, s, to, append(clearRTP(0x5eed, uint16(step)*10+i), evil...))
			}
			for _, b := range received(t, s) {
				if bytes.Contains(b, []byte(secret)) {
					t.Fatalf("step %d: our word goes out in the clear", step)
				}
				sealed++
			}
		}
	}
	if taken == 0 || sealed == 0 {
		t.Errorf("%d descriptions were taken, %d packets went out: too few to tell anything", taken, sealed)
	}
	_ = near.Close()
	for text := range heard.all() {
		if text == evil {
			t.Error("a word in the clear was heard")
		}
	}
}

// loosened changes a description in some ways, and moves it to where we listen.
func loosened(t *testing.T, r *rand.Rand, all []func(string) string, d media.Description, ports []string) media.Description {
	t.Helper()
	b, _ := d.AppendText(nil)
	text := regexp.MustCompile(`m=audio \d+`).ReplaceAllString(string(b), "m=audio "+ports[r.IntN(len(ports))])
	for range r.IntN(4) {
		text = all[r.IntN(len(all))](text)
	}
	changed, err := media.ParseDescription([]byte(text))
	if err != nil {
		return d
	}
	return changed
}

// received returns what lies in a socket.
func received(t testing.TB, conn *net.UDPConn) (all [][]byte) {
	t.Helper()
	const last = "the last word"
	sendFrom(t, loopback(t), portOf(conn), []byte(last))
	b := make([]byte, 2048)
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		n, _, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			t.Fatalf("the last word does not come: %v", err)
		}
		if string(b[:n]) == last {
			return all
		}
		all = append(all, bytes.Clone(b[:n]))
	}
}
