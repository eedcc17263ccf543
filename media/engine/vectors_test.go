package engine

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/pion/stun/v4"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// corpora reads a file of the third-party data, and skips the test where there is none.
func corpora(t testing.TB, path ...string) []byte {
	t.Helper()
	root := os.Getenv(testutil.CorporaEnv)
	if root == "" {
		t.Skipf("the published vectors are third-party data: %s is not set", testutil.CorporaEnv)
	}
	b, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectorsSTUN takes the messages of RFC 5769 the way that checks take, up to what an agent verifies.
func TestVectorsSTUN(t *testing.T) {
	term := opened(t, "127.0.0.1:0", nil)
	s, from := term.transport.shard(), netip.MustParseAddrPort("192.0.2.9:1")
	conn := &stunConn{tr: term.transport, at: s, ufrag: "evtj", queue: newQueue()}
	s.join(conn)
	defer s.leave(conn)
	integrity, password := stun.NewShortTermIntegrity("VOkJxbRl1RmTxUk/WvJxBt"), stun.NewLongTermIntegrity("マトリックス", "example.org", "TheMatrIX")
	for _, c := range []struct {
		file  string
		class uint16
		user  string
		check stun.MessageIntegrity
		from  string
	}{
		{"rfc5769-request.bin", stunRequest, "evtj", integrity, ""},
		{"rfc5769-response-ipv4.bin", stunSuccess, "", integrity, "192.0.2.1:32853"},
		{"rfc5769-response-ipv6.bin", stunSuccess, "", integrity, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"},
		{"rfc5769-request-long-term.bin", stunRequest, "マトリックス", password, ""},
	} {
		t.Run(c.file, func(t *testing.T) {
			b := corpora(t, "stun", c.file)
			class, id, ok := stunMessage(b)
			if !ok || class != c.class || string(stunLocalUser(b)) != c.user {
				t.Fatalf("class %#x, user %q, %v", class, stunLocalUser(b), ok)
			}
			if class == stunSuccess {
				s.awaits(id, conn)
			}
			s.mu.RLock()
			s.stun(b, from)
			s.mu.RUnlock()
			got := make([]byte, packetSize)
			if meant := c.user != "マトリックス"; meant != (len(conn.queue.items) == 1) {
				t.Fatalf("%d messages have come to the agent", len(conn.queue.items))
			} else if meant {
				n, _, err := conn.ReadFromAddrPort(got)
				if err != nil || !bytes.Equal(got[:n], b) {
					t.Fatalf("the agent reads % x, %v", got[:n], err)
				}
			}
			m := &stun.Message{Raw: bytes.Clone(b)}
			if err := m.Decode(); err != nil {
				t.Fatal(err)
			}
			if err := c.check.Check(m); err != nil {
				t.Error(err)
			}
			if m.Contains(stun.AttrFingerprint) {
				if err := stun.Fingerprint.Check(m); err != nil {
					t.Error(err)
				}
			}
			if c.from != "" {
				var mapped stun.XORMappedAddress
				if err := mapped.GetFrom(m); err != nil || mapped.String() != c.from {
					t.Errorf("mapped to %s, %v", mapped, err)
				}
			}
			m.Raw[len(m.Raw)-1] ^= 1
			if m.Contains(stun.AttrFingerprint) && stun.Fingerprint.Check(m) == nil {
				t.Error("a changed fingerprint is right")
			}
		})
	}
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// keyed returns SRTP with the same key both ways, as the packet path has it.
func keyed(t testing.TB, k media.Key) *crypt {
	t.Helper()
	c := new(crypt)
	if err := c.agree(k, k); err != nil {
		t.Fatal(err)
	}
	return c
}

// same protects and opens a packet of each kind as the packet path does, and compares them with what they have to be.
func same(t *testing.T, k media.Key, rtp, srtp, rtcp, srtcp []byte) {
	t.Helper()
	c, w := keyed(t, k), new(worker)
	got, err := c.protect(append(make([]byte, 0, packetSize), rtp...))
	if err != nil || !bytes.Equal(got, srtp) {
		t.Errorf("SRTP %x, want %x (%v)", got, srtp, err)
	}
	if got, err = c.open(w, bytes.Clone(srtp)); err != nil || !bytes.Equal(got, rtp) {
		t.Errorf("RTP %x, want %x (%v)", got, rtp, err)
	}
	if got, err = c.protectRTCP(rtcp); err != nil || !bytes.Equal(got, srtcp) {
		t.Errorf("SRTCP %x, want %x (%v)", got, srtcp, err)
	}
	if got, err = c.openRTCP(srtcp); err != nil || !bytes.Equal(got, rtcp) {
		t.Errorf("RTCP %x, want %x (%v)", got, rtcp, err)
	}
	for _, sealed := range [][]byte{srtp, srtcp} {
		bad := bytes.Clone(sealed)
		bad[9] ^= 1
		if _, err := keyed(t, k).open(w, bytes.Clone(bad)); err == nil {
			t.Error("a changed packet is opened")
		}
		if _, err := keyed(t, k).openRTCP(bad); err == nil {
			t.Error("a changed report is opened")
		}
	}
}

// TestVectorsSRTP takes the whole packets that libsrtp publishes.
func TestVectorsSRTP(t *testing.T) {
	var all struct{ Arrays map[string]map[string]string }
	if err := json.Unmarshal(corpora(t, "crypto", "libsrtp-vectors.json"), &all); err != nil {
		t.Fatal(err)
	}
	v := func(name string) []byte {
		b := unhex(t, all.Arrays["test/srtp_driver.c"][name])
		if len(b) == 0 {
			t.Fatalf("no %s", name)
		}
		return b
	}
	for _, c := range []struct {
		suite            media.Suite
		key, srtp, srtcp string
		secret           int
		mki              string
	}{
		{media.AESCM80, "test_key", "srtp_ciphertext", "srtcp_ciphertext", 30, ""},
		{media.AESCM80, "test_key", "srtp_ciphertext#2", "srtcp_ciphertext#2", 30, "test_mki_id"},
		{media.AES128GCM, "test_key_gcm", "srtp_ciphertext#5", "srtcp_ciphertext#5", 28, ""},
	} {
		t.Run(string(c.suite)+" "+c.srtp, func(t *testing.T) {
			k := media.Key{Suite: c.suite, Secret: string(v(c.key)[:c.secret])}
			if c.mki != "" {
				k.MKI = string(v(c.mki))
			}
			same(t, k, v("srtp_plaintext_ref"), v(c.srtp), v("rtcp_plaintext_ref"), v(c.srtcp))
		})
	}
}

// TestVectorsSession holds the reference against vectors of session keys: RFC 3711 appendix B.2, RFC 6188 section 7.1 and RFC 7714 sections
// 16 and 17.
func TestVectorsSession(t *testing.T) {
	var all struct {
		Vectors map[string][]map[string]string
	}
	if err := json.Unmarshal(corpora(t, "crypto", "pion-srtp-rfc-vectors.json"), &all); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, cases := range all.Vectors {
		for _, c := range cases {
			n++
			r := srtpReference{t: t, key: unhex(t, c["srtpSessionKey"]), salt: unhex(t, c["srtpSessionSalt"])}
			if want := unhex(t, c["keystream"]); len(want) > 0 {
				got := make([]byte, len(want))
				r.stream(got, 0, 0)
				if !bytes.Equal(got, want) {
					t.Errorf("%s: %x, want %x", c["case"], got, want)
				}
				continue
			}
			r.gcm = true
			if got, want := r.rtp(unhex(t, c["decryptedRTPPacket"])), unhex(t, c["encryptedRTPPacket"]); !bytes.Equal(got, want) {
				t.Errorf("%s: RTP %x, want %x", c["case"], got, want)
			}
			want := unhex(t, c["encryptedRTCPPacket"])
			index := binary.BigEndian.Uint32(want[len(want)-4:]) &^ (1 << 31)
			if got := r.rtcp(unhex(t, c["decryptedRTCPPacket"]), index); !bytes.Equal(got, want) {
				t.Errorf("%s: RTCP %x, want %x", c["case"], got, want)
			}
		}
	}
	if n != 4 {
		t.Errorf("%d cases, want 4", n)
	}
}

// TestSRTPDerivation holds the reference against the key derivation of RFC 3711 appendix B.3 and RFC 6188 section 7.2 (256 bits), and then
// the packet path against the reference, in every suite.
func TestSRTPDerivation(t *testing.T) {
	const (
		key128, salt = "e1f97a0d3e018be0d64fa32c06de4139", "0ec675ad498afeebb6960b3aabe6"
		key256       = "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6"
		salt256      = "3b04803de51ee7c96423ab5b78d2"
	)
	for _, c := range [...][5]string{
		{key128, salt, "c61e7a93744f39ee10734afe3ff7a087", "30cbbc08863d8c85d49db34a9ae1", "cebe321f6ff7716b6fd4ab49af256a156d38baa4"},
		{
			key256, salt256, "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4", "fa31791685ca444a9e07c6c64e93",
			"fd9c32d39ed5fbb5a9dc96b30818454d1313dc05",
		},
	} {
		r := derived(t, unhex(t, c[0]), unhex(t, c[1]), 0, false, 10)
		if !bytes.Equal(r.key, unhex(t, c[2])) || !bytes.Equal(r.salt, unhex(t, c[3])) || !bytes.Equal(r.auth, unhex(t, c[4])) {
			t.Errorf("from %s: key %x, salt %x, auth %x", c[0], r.key, r.salt, r.auth)
		}
	}
	rtp := append([]byte{0x80, 0x0f, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad, 0xca, 0xfe, 0xba, 0xbe}, "sixteen bytes, and some more"...)
	rtcp := []byte{0x80, 201, 0, 1, 0xca, 0xfe, 0xba, 0xbe, 0x81, 202, 0, 2, 0xca, 0xfe, 0xba, 0xbe, 1, 1, 'x', 0}
	for _, c := range []struct {
		suite     media.Suite
		key, salt string
		gcm       bool
		tag       int
	}{
		{media.AESCM80, key128, salt, false, 10},
		{media.AESCM32, key128, salt, false, 4},
		{media.AES128GCM, key128, salt[:24], true, 0},
		{media.AES256GCM, key256, salt256[:24], true, 0},
	} {
		t.Run(string(c.suite), func(t *testing.T) {
			key, salt := unhex(t, c.key), unhex(t, c.salt)
			forRTP, forRTCP := derived(t, key, salt, 0, c.gcm, c.tag), derived(t, key, salt, 3, c.gcm, c.tag)
			same(t, media.Key{Suite: c.suite, Secret: string(key) + string(salt)}, rtp, forRTP.rtp(rtp), rtcp, forRTCP.rtcp(rtcp, 1))
		})
	}
}
