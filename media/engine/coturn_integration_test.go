package engine_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// turnUser and turnPassword are the credentials for the servers of tests.
const turnUser, turnPassword = "echo", "a-pass-word-that-no-log-has"

// authority makes a certificate for 127.0.0.1, and the authorities that it is checked against.
func authority(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// writePEM writes a certificate and its key as a server reads them.
func writePEM(t testing.TB, cert tls.Certificate) (certFile, keyFile string) {
	t.Helper()
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// coturn runs coturn until the test ends, and returns its port for UDP and TCP; TLS has the next one.
func coturn(t *testing.T, cert tls.Certificate, more ...string) int {
	t.Helper()
	port, dir := testutil.FreePort(t), t.TempDir()
	certFile, keyFile := writePEM(t, cert)
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "turnserver", append(more, "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1",
		"--listening-port="+strconv.Itoa(port), "--tls-listening-port="+strconv.Itoa(port+1), "--lt-cred-mech",
		"--user="+turnUser+":"+turnPassword, "--realm=test.invalid", "--no-dtls", "--no-cli", "--allow-loopback-peers", "--fingerprint",
		"--no-rfc5780", "--relay-threads=1", "--cert="+certFile, "--pkey="+keyFile, "--log-file=stdout",
		"--pidfile="+filepath.Join(dir, "pid"), "--userdb="+filepath.Join(dir, "db"))...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("turnserver: %s", out.String())
		}
	})
	eventually(t, "the TURN server listens", func() bool {
		for _, at := range []int{port, port + 1} {
			conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(at)))
			if err != nil {
				return false
			}
			_ = conn.Close()
		}
		return true
	})
	return port
}

// impatient has a browser take a path over relays at once.
func impatient(s *webrtc.SettingEngine) { s.SetRelayAcceptanceMinWait(0) }

// relayedBrowser is a browser that is reached through a TURN server alone.
func relayedBrowser(t *testing.T, url string) *browser {
	t.Helper()
	return newBrowserWith(t, webrtc.Configuration{
		ICEServers:         []webrtc.ICEServer{{URLs: []string{url}, Username: turnUser, Credential: turnPassword}},
		ICETransportPolicy: webrtc.ICETransportPolicyRelay,
	}, impatient)
}

// relayOnly is the policy of an engine that is reached through a TURN server alone.
func relayOnly() *media.Policy {
	p := media.AlexaCalling()
	p.RelayOnly = true
	return p
}

// described returns the text of a description.
func described(d media.Description) string {
	b, _ := d.AppendText(nil)
	return string(b)
}

// call connects a terminal and a browser, whoever offers, until both hear each other, and returns our description.
func call(t *testing.T, term media.Terminal, b *browser, offers bool) string {
	t.Helper()
	var ours media.Description
	var err error
	if offers {
		if ours, err = term.Answer(b.offer(), g711()); err != nil {
			t.Fatal(err)
		}
		b.remote(webrtc.SDPTypeAnswer, ours)
	} else {
		if ours, err = term.Offer(g711()); err != nil {
			t.Fatal(err)
		}
		if err := term.Accept(b.answer(ours)); err != nil {
			t.Fatal(err)
		}
	}
	bothHear(t, term, b)
	return described(ours)
}

// TestInteropCoturn has sound go both ways through coturn and nothing else, on both sides: each has a relay there and tells no other
// candidate. We reach coturn over UDP, TCP and TLS.
func TestInteropCoturn(t *testing.T) {
	t.Parallel()
	testutil.Need(t, "turnserver")
	cert, pool := authority(t)
	port := coturn(t, cert)
	at, secure := "127.0.0.1:"+strconv.Itoa(port), "127.0.0.1:"+strconv.Itoa(port+1)
	t.Run("by", func(t *testing.T) {
		for name, url := range map[string]string{
			"UDP": "turn:" + at, "TCP": "turn:" + at + "?transport=tcp", "TLS": "turns:" + secure,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				everyRole(t, func(t *testing.T, offers bool) {
					e, _ := relayedTo(t, engine.Options{TURN: []engine.TURNServer{
						{URL: url, Username: turnUser, Password: turnPassword, TLS: &tls.Config{RootCAs: pool}},
					}})
					term, b := open(t, e, relayOnly()), relayedBrowser(t, "turn:"+at)
					sdp := call(t, term, b, offers)
					relay := engine.RelayOf(term)
					if all := engine.RelaysOf(e); len(all) != 1 || relay != all[0] {
						t.Errorf("sound goes by %q, the relays are %q", relay, all)
					}
					if n := strings.Count(sdp, "a=candidate:"); n != 1 || !strings.Contains(sdp, "typ relay raddr 0.0.0.0 rport 0") {
						t.Errorf("%d candidates, want one relay, in\n%s", n, sdp)
					}
					if strings.Contains(sdp, " "+portText(e.Addr())) {
						t.Errorf("our own port is told in\n%s", sdp)
					}
					pair, err := b.pc.GetSenders()[0].Transport().ICETransport().GetSelectedCandidatePair()
					if err != nil || pair.Local.Typ != webrtc.ICECandidateTypeRelay || pair.Remote.Typ != webrtc.ICECandidateTypeRelay {
						t.Errorf("the browser's pair is %v, %v", pair, err)
					}
				})
			})
		}
	})
}

// TestInteropCoturnDoor answers an Echo whose way is through coturn alone, with a relay among the candidates and without asking for one.
func TestInteropCoturnDoor(t *testing.T) {
	t.Parallel()
	testutil.Need(t, "turnserver")
	cert, _ := authority(t)
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(coturn(t, cert)))
	e, _ := relayedTo(t, engine.Options{TURN: []engine.TURNServer{turnAt(at)}, STUN: []string{"stun:" + at.String()}})
	p := media.AlexaDoor()
	p.RelayOnly = true
	var took time.Duration
	for range 20 {
		echo := newEcho(t, echoStyles()[0])
		offer, term := echoStyles()[0].written(t, echo.offer()), open(t, e, p)
		begin := time.Now()
		answer, err := term.Answer(offer, pictures(media.H264("42e01f", 1)))
		took = max(took, time.Since(begin))
		if err != nil || !strings.Contains(described(answer), "typ relay") {
			t.Fatalf("%v: %v", err, described(answer))
		}
		echo.remote(webrtc.SDPTypeAnswer, answer)
		if err := term.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("20 answers, the longest in %v", took)
	echo, term := newEcho(t, echoStyles()[0]), open(t, e, p)
	echo.echoAnswered(t, echoStyles()[0], term, g711())
	bothHear(t, term, echo.browser)
	if engine.RelayOf(term) == "" {
		t.Error("sound does not go by the relay")
	}
}

// TestInteropCoturnStaleNonce keeps a relay while the server's nonce changes, and the call over it.
func TestInteropCoturnStaleNonce(t *testing.T) {
	t.Parallel()
	testutil.Need(t, "turnserver")
	cert, _ := authority(t)
	port := coturn(t, cert, "--stale-nonce=1")
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
	e, log := relayedTo(t, engine.Options{TURN: []engine.TURNServer{turnAt(at)}})
	term, b := open(t, e, relayOnly()), relayedBrowser(t, "turn:"+at.String())
	call(t, term, b, true)
	before, nonce := engine.RelayOf(term), engine.NonceOf(e)
	eventually(t, "the nonce changes", func() bool { return engine.NonceOf(e) != nonce })
	b.drain()
	bothHear(t, term, b)
	if now := engine.RelayOf(term); now != before || strings.Contains(log.String(), "no TURN relay") {
		t.Errorf("sound goes by %s, it went by %s:\n%s", now, before, log)
	}
}

// TestInteropCoturnRefuses is told of a wrong password, and asks the server as a STUN server, without one.
func TestInteropCoturnRefuses(t *testing.T) {
	t.Parallel()
	testutil.Need(t, "turnserver")
	cert, _ := authority(t)
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(coturn(t, cert)))
	wrong := turnAt(at)
	wrong.Password += "-or-not"
	e, log := listenTo(t, engine.Options{TURN: []engine.TURNServer{wrong}, STUN: []string{"stun:" + at.String()}}, impatience)
	if all := engine.RelaysOf(e); len(all) != 0 {
		t.Errorf("there are relays: %q", all)
	}
	eventually(t, "the log says why", func() bool { return strings.Contains(log.String(), "refuses with 401") })
	eventually(t, "the port is known as it is", func() bool {
		all := engine.MappedOf(e)
		return len(all) == 1 && all[0] == e.Addr()
	})
}
