package sip_test

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
)

// TestTorture sends every message of RFC 4475 and RFC 5118, and older ones, to a live agent. Each has its verdict, which is printed; after
// each, the next good call works.
func TestTorture(t *testing.T) {
	root := testutil.Corpora(t)
	for _, set := range []string{"rfc4475", "rfc5118", "sofia-sip"} {
		t.Run(set, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(root, "sip", set, "*"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no files: %v", err)
			}
			for _, f := range files {
				text, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if set == "sofia-sip" {
					text = []byte(strings.ReplaceAll(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n", "\r\n"))
				}
				var got string
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, &sip.Options{Bridge: bridge.Func(answerAll)})
					got = verdict(w, string(text))
					goodCall(t, w)
				})
				name := filepath.Base(f)
				t.Logf("%-36s %s", name, got)
				if want := wantVerdict(name); !strings.HasPrefix(got, want) || want == "" && set != "sofia-sip" {
					t.Errorf("%s: %s, want %s", name, got, want)
				}
			}
		})
	}
}

// answerAll accepts every call and keeps it until it is over.
func answerAll(ctx contextT, in bridge.Leg) error {
	if err := in.Answer(ctx, nil); err != nil {
		return err
	}
	for info := in.Info(); ; {
		var err error
		if info, err = in.Next(ctx, info.Rev); err != nil {
			return err
		}
		if info.Pending {
			_ = in.Answer(ctx, nil)
		}
	}
}

// tap sees what the agent sends.
type tap struct {
	net.PacketConn
	mu   sync.Mutex
	sent map[netip.Addr]string // last response other than 100, by address
}

func (c *tap) WriteTo(b []byte, to net.Addr) (int, error) {
	at, _ := netip.ParseAddrPort(to.String())
	line, _, _ := strings.Cut(string(b), "\r\n")
	if status, ok := strings.CutPrefix(line, "SIP/2.0 "); ok && !strings.HasPrefix(status, "100") {
		c.mu.Lock()
		c.sent[at.Addr()] = status
		c.mu.Unlock()
	}
	return c.PacketConn.WriteTo(b, to)
}

// verdict sends a message from an address of its own and says what came of it. What was accepted is left to itself.
func verdict(w *world, text string) string {
	before := w.agent.Stats()
	p := w.newPeer("198.51.100.1:5060")
	p.send(text)
	synctest.Wait()
	after := w.agent.Stats()
	w.tap.mu.Lock()
	defer w.tap.mu.Unlock()
	switch got := w.tap.sent[netip.MustParseAddr("198.51.100.1")]; {
	case got != "":
		return got
	case after.Unparsed > before.Unparsed:
		return "dropped: no SIP"
	case after.Invalid > before.Invalid:
		return "dropped: invalid"
	}
	return "taken in silence"
}

// goodCall brings a call up and hangs it up.
func goodCall(t *testing.T, w *world) {
	t.Helper()
	p := w.newPeer("192.0.2.67:5060")
	defer p.conn.Close()
	s := p.call()
	s.send("INVITE", offer(1))
	s.learn(p.response(200, "INVITE"))
	s.ack("")
	s.send("BYE", "")
	p.response(200, "BYE")
}

// tortureVerdicts are what becomes of each message of the two RFCs. They are what the RFCs ask for or allow, with two exceptions: novelsc
// should be 416 (RFC 4475 section 3.3.3), but sipgo's parser does not take a scheme with a dot; sdp01 may be 406 (section 3.3.11), but what the
// caller takes of bodies beside its offer does not matter to a call.
var tortureVerdicts = map[string]string{
	"200": "badbranch baddate esc01 inv2543 longreq lwsdisp sdp01 semiuri transports zeromf ipv6-bug-abnf-3-colons " +
		"ipv6-correct-abnf-2-colons mult-ip-in-sdp via-received-param-no-delim",
	"400": "badaspec baddn badinv01 clerr escruri insuf ltgtruri lwsruri lwsstart mcl01 mismatch01 mismatch02 multi01 ncl novelsc quotbal " +
		"scalar02 trws ipv6-bad ipv6-in-sdp",
	"405": "cparam01 cparam02 dblreq esc02 escnull intmeth mpart01 regaut01 regbadct regescrt unksm2 ipv6-good port-ambiguous port-unambiguous",
	"415": "invut", "416": "unkscm", "420": "bext01", "481": "mult-ip-in-header via-received-param-with-delim wsinv", "488": "ipv4-mapped-ipv6", "505": "badvers",
	"dropped:": "bigcode scalarlg",        // responses that cannot be parsed
	"taken":    "bcast noreason unreason", // responses to nothing of ours
}

// wantVerdict returns what must become of a message; empty for one that is in neither RFC.
func wantVerdict(name string) string {
	for verdict, names := range tortureVerdicts {
		if slices.Contains(strings.Fields(names), strings.TrimSuffix(name, ".dat")) {
			return verdict
		}
	}
	return ""
}
