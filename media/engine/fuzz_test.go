package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// addCorpora adds third-party seeds from folders of the corpora, where those are there: raw files, and files of Go's own fuzzing.
func addCorpora(f *testing.F, folders ...string) {
	f.Helper()
	root := os.Getenv(testutil.CorporaEnv)
	if root == "" {
		f.Logf("no third-party seeds: %s is not set", testutil.CorporaEnv)
		return
	}
	for _, folder := range folders {
		n := 0
		err := filepath.WalkDir(filepath.Join(root, "fuzz", folder), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, seed := range seedsOf(b) {
				f.Add(seed)
				n++
			}
			return nil
		})
		if err != nil || n == 0 {
			f.Fatalf("%s: %d seeds, %v", folder, n, err)
		}
	}
}

func seedsOf(b []byte) (seeds [][]byte) {
	if !bytes.HasPrefix(b, []byte("go test fuzz v1")) {
		return [][]byte{b}
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		quoted, ok := strings.CutPrefix(line, "[]byte(")
		if !ok {
			continue
		}
		if text, err := strconv.Unquote(strings.TrimSuffix(quoted, ")")); err == nil {
			seeds = append(seeds, []byte(text))
		}
	}
	return seeds
}

// target is an engine with a plain leg and a secure one, each linked to a third, whose far side is a socket that nobody reads.
type target struct {
	s             *shard
	w             *worker
	plain, secure *terminal
	from          [3]netip.AddrPort // of the plain leg, of the secure one, of nobody
	key, salt     []byte
}

func newTarget(f *testing.F) *target {
	f.Helper()
	e, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = e.Close() })
	g := &target{s: e.shards[0], w: newWorker(1), key: bytes.Repeat([]byte{1}, 16), salt: bytes.Repeat([]byte{2}, 12)}
	sink, err := listenSocket(netip.MustParseAddrPort("127.0.0.1:0"), socketRoom)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = sink.conn.Close() })
	describe := func(addr netip.AddrPort) *terminal {
		m, err := e.Open(media.Phone(), nil)
		if err != nil {
			f.Fatal(err)
		}
		_, d, err := media.Negotiation{}.Offer(media.Phone(), media.Local{
			ID: 1, Addr: addr.Addr().String(), Port: addr.Port(), RTCPPort: addr.Port() + 1,
		}, nil)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := m.Answer(d, nil); err != nil {
			f.Fatal(err)
		}
		return m.(*terminal)
	}
	g.from = [3]netip.AddrPort{
		netip.MustParseAddrPort("192.0.2.1:5004"), netip.MustParseAddrPort("192.0.2.2:5004"), netip.MustParseAddrPort("192.0.2.1:6000"),
	}
	out := describe(sink.addr)
	g.plain, g.secure = describe(g.from[0]), describe(g.from[1])
	g.secure.dtls, g.secure.crypt = newAssociation(g.secure), new(crypt)
	for s := range g.secure.streams {
		s.crypt.Store(g.secure.crypt)
	}
	g.newKeys(f)
	for _, leg := range []*terminal{g.plain, g.secure} {
		unlink, ok := leg.sound.Link(out.sound, nil)
		if !ok {
			f.Fatal("not linked")
		}
		f.Cleanup(unlink)
	}
	return g
}

// newKeys gives the secure leg keys that have seen nothing yet, and returns the far side's.
func (g *target) newKeys(t testing.TB) *srtp.Context {
	t.Helper()
	context := func(o ...srtp.ContextOption) *srtp.Context {
		c, err := srtp.CreateContext(g.key, g.salt, srtp.ProtectionProfileAeadAes128Gcm, o...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	g.secure.crypt.set(context(srtp.SRTPReplayProtection(replayWindow)), context())
	return context()
}

// take hands a datagram to the shard as its reader does.
func (g *target) take(b []byte, from netip.AddrPort) {
	if len(b) == 0 || len(b) >= packetSize {
		return
	}
	b = g.w.in.buf[0][:copy(g.w.in.buf[0][:], b):packetSize]
	g.w.now = time.Now()
	g.s.mu.RLock()
	g.s.datagram(g.w, b, from, g.s.remotes.of(from))
	g.s.mu.RUnlock()
	g.w.flush()
	g.s.latchAll(g.w)
}

// rtpSeeds are one packet of each kind that the port takes.
func rtpSeeds(f *testing.F) {
	for _, b := range [][]byte{
		{0x80},
		{0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7},
		{0xb1, 0x80, 0, 2, 0, 0, 0, 1, 0, 0, 0, 7, 1, 2, 3, 4, 0xbe, 0xde, 0, 1, 0x10, 9, 0, 0, 'e', 1},
		{0x80, 101, 0, 3, 0, 0, 0, 1, 0, 0, 0, 7, 5, 0x8a, 3, 32},
		{0xa0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 7, 0xff},
		{0x80, 200, 0, 6, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2},
		{20, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1},
		{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1},
		stun.MustBuild(stun.BindingRequest, stun.TransactionID, stun.NewUsername("a:b")).Raw,
		append([]byte{0x80, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 7}, make([]byte, packetSize-13)...),
	} {
		f.Add(b)
	}
}

func FuzzDatagram(f *testing.F) {
	rtpSeeds(f)
	addCorpora(f, "janus/rtp_fuzzer", "janus/rtcp_fuzzer", "pjsip/fuzz-rtp", "pjsip/fuzz-srtp", "pjsip/fuzz-rtcp", "pion-rtcp",
		"pion-stun", "pion-dtls/pkg/protocol/recordlayer")
	g := newTarget(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		theirs := g.newKeys(t)
		for _, from := range g.from {
			g.take(b, from)
		}
		before := g.secure.Stream(media.Audio).Stats().In
		if len(b) < packetSize-100 {
			if sealed, err := theirs.EncryptRTP(nil, b, nil); err == nil {
				g.take(sealed, g.from[1])
				g.take(sealed, g.from[1]) // again
			}
		}
		if after := g.secure.Stream(media.Audio).Stats().In; after.Packets > before.Packets+1 {
			t.Error("a repeated packet was taken")
		}
		g.check(t)
	})
}

// check looks at what has to hold whatever has come.
func (g *target) check(t *testing.T) {
	t.Helper()
	if far := g.secure.transport.remote(); far != g.from[1] {
		t.Errorf("the secure leg sends to %v", far)
	}
	for _, leg := range []*terminal{g.plain, g.secure} {
		s := leg.Stream(media.Audio).Stats()
		if s.In.Jitter < 0 || s.Out.RoundTrip < 0 || s.Out.RemoteJitter < 0 {
			t.Errorf("statistics: %+v", s)
		}
	}
}

func FuzzReports(f *testing.F) {
	f.Add([]byte{0x80, 201, 0, 1, 0, 0, 0, 7})
	for _, p := range []rtcp.Packet{
		&rtcp.SenderReport{SSRC: 7, NTPTime: 1 << 63, Reports: []rtcp.ReceptionReport{{SSRC: 1, TotalLost: 1<<24 - 1, Jitter: 1<<32 - 1}}},
		&rtcp.ReceiverReport{SSRC: 7, Reports: []rtcp.ReceptionReport{{SSRC: 1, LastSenderReport: 1, Delay: 1<<32 - 1}}},
		&rtcp.Goodbye{Sources: []uint32{7}, Reason: "done"},
		&rtcp.PictureLossIndication{SenderSSRC: 7, MediaSSRC: 1},
		&rtcp.TransportLayerNack{SenderSSRC: 7, MediaSSRC: 1, Nacks: []rtcp.NackPair{{PacketID: 1, LostPackets: 1}}},
	} {
		b, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	addCorpora(f, "janus/rtcp_fuzzer", "pjsip/fuzz-rtcp", "pion-rtcp")
	g := newTarget(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		// What is said of source 1 is said of ours, so that it is believed.
		ours := bytes.ReplaceAll(b, []byte{0, 0, 0, 1}, binary.BigEndian.AppendUint32(nil, g.plain.sound.out.ssrc.Load()))
		theirs := g.newKeys(t)
		for _, data := range [][]byte{b, ours} {
			g.plain.reports.arrived(g.plain.transport, bytes.Clone(data), time.Now())
			if sealed, err := theirs.EncryptRTCP(nil, data, nil); err == nil {
				g.secure.reports.arrived(g.secure.transport, sealed, time.Now())
			}
			g.secure.reports.arrived(g.secure.transport, bytes.Clone(data), time.Now())
		}
		g.check(t)
	})
}

func FuzzSTUNRouting(f *testing.F) {
	for _, set := range [][]stun.Setter{
		{stun.BindingRequest, stun.NewUsername("ours:theirs"), stun.Fingerprint},
		{stun.BindingSuccess, stun.NewSoftware("x")},
		{stun.BindingError},
		{stun.NewType(stun.MethodBinding, stun.ClassIndication)},
	} {
		f.Add(stun.MustBuild(append(set, stun.TransactionID)...).Raw)
	}
	addCorpora(f, "pion-stun", "pjsip/fuzz-stun")
	g := newTarget(f)
	conn := &stunConn{tr: g.plain.transport, ufrag: "ours", queue: newQueue()}
	g.s.agents[conn.ufrag] = conn
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &stun.Message{Raw: bytes.Clone(b)}
		if m.Decode() == nil {
			user, _, _ := bytes.Cut(first(m, stun.AttrUsername), []byte{':'})
			if got := stunLocalUser(b); !bytes.Equal(got, user) {
				t.Errorf("user %q, another parser finds %q", got, user)
			}
		}
		conn.queue.items = nil
		before := g.s.strays.Load()
		g.s.stun(b, g.from[0])
		if routed := len(conn.queue.items) + int(g.s.strays.Load()-before); routed != 1 {
			t.Errorf("routed %d times", routed)
		}
		if len(conn.queue.items) > 0 && string(stunLocalUser(b)) != conn.ufrag {
			t.Errorf("% x has come to %q", b, conn.ufrag)
		}
	})
}

func first(m *stun.Message, kind stun.AttrType) []byte {
	v, _ := m.Get(kind)
	return v
}

func FuzzFingerprint(f *testing.F) {
	der := []byte("a certificate")
	sum := sha256.Sum256(der)
	right := "sha-256 " + colons(sum[:])
	for _, s := range []string{
		right, strings.ToLower(right), " SHA-256  " + colons(sum[:]) + " ", "sha-256", "sha-256 ", "", "md5 00", "sha-1 " + colons(sum[:20]), right + ":00", right[:len(right)-1],
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if checkFingerprint(text, []byte("another one")) == nil && checkFingerprint(text, der) == nil {
			t.Errorf("%q is true of two certificates", text)
		}
		algorithm, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
		plain := func(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), ":", "") }
		same := strings.EqualFold(plain(rest), plain(colons(sum[:])))
		if strings.EqualFold(algorithm, "sha-256") && same != (checkFingerprint(text, der) == nil) {
			t.Errorf("%q: %v", text, checkFingerprint(text, der))
		}
	})
}
