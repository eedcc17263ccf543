package engine_test

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/fingerprint"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// spray sends hostile datagrams to the engine from an address of nobody's, until stop is called.
func spray(t testing.TB, conn *net.UDPConn, to *net.UDPAddr, ufrag string) (stop func() int) {
	t.Helper()
	done := make(chan struct{})
	var work sync.WaitGroup
	n := 0
	work.Go(func() {
		rnd := rand.New(rand.NewPCG(3, 4))
		for ; n < 1000; n++ {
			select {
			case <-done:
				if n >= 200 {
					return
				}
			default:
			}
			var b []byte
			switch n % 4 {
			case 0: // a ClientHello with nothing that anybody supports
				b = append([]byte{22, 254, 255, 0, 0, 0, 0, 0, 0, 0, byte(n), 0, 54, 1, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 42, 254, 253}, make([]byte, 32)...)
				b = append(b, 0, 0, 0, 2, 0xfa, 0xfa, 1, 0)
			case 1:
				b = make([]byte, 13+rnd.IntN(100))
				for i := range b {
					b[i] = byte(rnd.Uint32())
				}
				b[0] = 20 + b[0]%44
			case 2: // a check of somebody who has read the user name, but not the password
				m := stun.MustBuild(stun.BindingRequest, stun.TransactionID, stun.NewUsername(ufrag+":evil"), ice.UseCandidate(),
					stun.NewShortTermIntegrity("not the password at all"), stun.Fingerprint)
				b = m.Raw
			default:
				m := stun.MustBuild(stun.BindingSuccess, stun.TransactionID, &stun.XORMappedAddress{IP: net.IPv4(127, 0, 0, 1), Port: 9}, stun.Fingerprint)
				b = m.Raw
			}
			_, _ = conn.WriteToUDP(b, to)
			if n%16 == 0 {
				runtime.Gosched()
			}
		}
	})
	return func() int { close(done); work.Wait(); return n }
}

// A stranger cannot keep a call from being set up.
func TestDTLSSpray(t *testing.T) {
	t.Parallel()
	everyRole(t, func(t *testing.T, offers bool) {
		e := listen(t)
		term, failed := openFailing(t, e)
		b, evil := newBrowser(t), loopback(t)
		to := net.UDPAddrFromAddrPort(e.Addr())
		var stop func() int
		if offers {
			offer, err := term.Offer(g711())
			if err != nil {
				t.Fatal(err)
			}
			stop = spray(t, evil, to, ufragOf(t, offer))
			if err := term.Accept(b.answer(offer)); err != nil {
				t.Fatal(err)
			}
		} else {
			answer, err := term.Answer(b.offer(), g711())
			if err != nil {
				t.Fatal(err)
			}
			stop = spray(t, evil, to, ufragOf(t, answer))
			b.remote(webrtc.SDPTypeAnswer, answer)
		}
		bothHear(t, term, b)
		n := stop()
		bothHear(t, term, b)
		if failed.n.Load() != 0 {
			t.Errorf("failed: %v", failed.last.Load())
		}
		if got := e.Stats().Strays; n < 200 || got == 0 {
			t.Errorf("%d hostile datagrams, %d turned away", n, got)
		}
		if bad := incoming(term).Bad; bad != 0 {
			t.Errorf("%d bad packets", bad)
		}
	})
}

func ufragOf(t testing.TB, d media.Description) string { return attribute(t, d, "ice-ufrag") }

func attribute(t testing.TB, d media.Description, name string) string {
	t.Helper()
	b, _ := d.AppendText(nil)
	for line := range strings.SplitSeq(string(b), "\r\n") {
		if value, ok := strings.CutPrefix(line, "a="+name+":"); ok {
			return value
		}
	}
	t.Fatalf("no %s in\n%s", name, b)
	return ""
}

// bare is a far side of ICE and DTLS alone, which does after the handshake what no real one does.
type bare struct {
	t     testing.TB
	agent *ice.Agent
	cert  tls.Certificate
	sum   string
}

func newBare(t testing.TB) *bare {
	t.Helper()
	cert, err := selfsign.GenerateSelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	return newBareWith(t, cert)
}

func newBareWith(t testing.TB, cert tls.Certificate) *bare {
	t.Helper()
	parsed, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	sum, err := fingerprint.Fingerprint(parsed, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	agent, err := ice.NewAgentWithOptions(
		ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4}), ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}),
		ice.WithIncludeLoopback(), ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithInterfaceFilter(func(name string) bool { return strings.HasPrefix(name, "lo") }),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = agent.GracefulClose() })
	return &bare{t: t, agent: agent, cert: cert, sum: strings.ToUpper(sum)}
}

// gather returns how the far side's agent may be reached.
func (p *bare) gather() media.Local {
	p.t.Helper()
	done := make(chan struct{})
	var candidates []string
	_ = p.agent.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			close(done)
			return
		}
		candidates = append(candidates, c.Marshal())
	})
	if err := p.agent.GatherCandidates(); err != nil {
		p.t.Fatal(err)
	}
	<-done
	ufrag, pwd, err := p.agent.GetLocalUserCredentials()
	if err != nil {
		p.t.Fatal(err)
	}
	return media.Local{
		ID: 1, Addr: "127.0.0.1", Port: 9, Ufrag: ufrag, Pwd: pwd, Candidates: candidates, Fingerprint: "sha-256 " + p.sum, SSRC: 1, CNAME: "x",
	}
}

// dial connects the agent, as the controlling one, with what the engine's description says.
func (p *bare) dial(engine media.Description) *ice.Conn {
	p.t.Helper()
	theirs, err := ice.UnmarshalCandidate(attribute(p.t, engine, "candidate"))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.agent.AddRemoteCandidate(theirs); err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	path, err := p.agent.Dial(ctx, ufragOf(p.t, engine), attribute(p.t, engine, "ice-pwd"))
	if err != nil {
		p.t.Fatal(err)
	}
	return path
}

// path lets term answer an offer of ours, of which we are the DTLS client, and returns the path to it.
func (p *bare) path(term media.Terminal) *ice.Conn {
	p.t.Helper()
	_, offer, err := media.Negotiation{}.Offer(media.AlexaCalling(), p.gather(), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := term.Answer(edit(p.t, offer, "a=setup:actpass", "a=setup:active"), g711())
	if err != nil {
		p.t.Fatal(err)
	}
	return p.dial(answer)
}

// call is path with the handshake.
func (p *bare) call(term media.Terminal) *dtls.Conn {
	p.t.Helper()
	path := p.path(term)
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	conn, err := dtls.ClientWithOptions(pathConn{path}, path.RemoteAddr(),
		dtls.WithCertificates(p.cert), dtls.WithInsecureSkipVerify(true), dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		p.t.Fatal(err)
	}
	return conn
}

// pathConn is the net.PacketConn that DTLS wants.
type pathConn struct{ *ice.Conn }

func (c pathConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, c.RemoteAddr(), err
}
func (c pathConn) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }

// Whatever comes over the DTLS connection right behind the handshake, the connection is parked and its goroutines end.
func TestDTLSParksUnderFire(t *testing.T) {
	e := listen(t)
	for range 10 {
		term, failed := openFailing(t, e)
		p := newBare(t)
		conn := p.call(term)
		for range 30 {
			if _, err := conn.Write([]byte("data that nobody reads")); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "there are keys", func() bool {
			write(t, term, 1)
			return outgoing(term).Packets > 0
		})
		_ = conn.Close()
		_ = p.agent.GracefulClose()
		buf := make([]byte, 1<<20)
		eventually(t, "no goroutine of DTLS is left while the call stands", func() bool {
			return !strings.Contains(string(buf[:runtime.Stack(buf, true)]), "pion/dtls")
		})
		if failed.n.Load() != 0 {
			t.Errorf("failed: %v", failed.last.Load())
		}
		_ = term.Close()
	}
}

// A description with another certificate brings another association, in the midst of the first handshake too.
func TestDTLSAnotherPeer(t *testing.T) {
	t.Parallel()
	for _, stuck := range []bool{false, true} {
		t.Run(map[bool]string{false: "after the handshake", true: "during the handshake"}[stuck], func(t *testing.T) {
			t.Parallel()
			e := listen(t)
			term, failed := openFailing(t, e)
			first := newBrowser(t)
			f := newForwarder(t, e.Addr())
			f.with(func(b []byte, _ bool) int {
				if stuck && isDTLS(b) {
					return 0
				}
				return 1
			})
			f.negotiate(term, first, false)
			if stuck {
				eventually(t, "there is a path", func() bool { return engine.RemoteOf(term) == portOf(f.near()).String() })
			} else {
				bothHear(t, term, first)
			}
			var astray atomic.Int32
			if !stuck {
				f.with(func(b []byte, toPeer bool) int {
					if toPeer && isDTLS(b) {
						astray.Add(1)
					}
					return 1
				})
			}
			second := newBrowser(t)
			answer, err := term.Answer(second.offer(), g711())
			if err != nil {
				t.Fatal(err)
			}
			second.remote(webrtc.SDPTypeAnswer, answer)
			first.hangUp()
			bothHear(t, term, second)
			if n := astray.Load(); n != 0 {
				t.Errorf("%d datagrams of the second handshake went to the first peer", n)
			}
			if failed.n.Load() != 0 {
				t.Errorf("failed: %v", failed.last.Load())
			}
		})
	}
}
