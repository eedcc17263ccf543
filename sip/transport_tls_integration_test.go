package sip_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// dialTLS connects to an agent.
func dialTLS(t testing.TB, a *sip.Agent, c *tls.Config) (*tls.Conn, error) {
	t.Helper()
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: within}, Config: c}
	raw, err := d.DialContext(t.Context(), "tcp", a.TLSAddr().String())
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = raw.Close() })
	conn, _ := raw.(*tls.Conn)
	return conn, nil
}

// overTLS is the Session Description of a peer on loopback.
func overTLS(version int) string {
	return strings.ReplaceAll(offer(version), "192.0.2.2", "127.0.0.1")
}

// TestTLSIn takes calls over TLS, by sip and sips URIs: all of a call stays on its connection, and Contact and Via say so.
func TestTLSIn(t *testing.T) {
	ca := newAuthority(t)
	for _, scheme := range []string{"sip", "sips"} {
		t.Run(scheme, func(t *testing.T) {
			in := newIncoming()
			a := listen(t, &sip.Options{Bridge: in, TLS: ca.config()})
			if got, want := a.TLSAddr().Port(), a.Addr().Port()+1; got != want {
				t.Errorf("TLS is at port %d, want %d", got, want)
			}
			c, err := dialTLS(t, a, ca.config())
			if err != nil {
				t.Fatal(err)
			}
			p, wire := overStream(t, c, "TLS")
			wire.sips = scheme == "sips"
			s := p.call()
			s.agentURI = scheme + ":room@" + a.TLSAddr().String()
			s.send("INVITE", overTLS(1))
			l := <-in.legs
			go func() { _ = l.Answer(background, nil) }()
			res := p.response(200, "INVITE")
			s.learn(res)
			contact := res.Contact().Address
			want := scheme + ":room@" + a.TLSAddr().String()
			if scheme == "sip" {
				want += ";transport=tls"
			}
			if contact.String() != want {
				t.Errorf("Contact is %s, want %s", contact.String(), want)
			}
			s.ack("")
			done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
			invite := p.request("INVITE")
			if via := invite.Via(); via.Transport != "TLS" || via.Port != int(a.TLSAddr().Port()) {
				t.Errorf("Via is %s, want TLS and the port of TLS", via.Value())
			}
			if invite.Recipient.Scheme != scheme {
				t.Errorf("the target is %s, want scheme %s", invite.Recipient.String(), scheme)
			}
			p.reply(invite, 200, "", overTLS(2), "Contact: <sip:ann@"+p.addr+";transport=tls>")
			p.request("ACK")
			if err := <-done; err != nil {
				t.Error(err)
			}
			ended := async(func() error { return l.Hangup(background, bridge.Normal) })
			p.reply(p.request("BYE"), 200, "", "")
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTLSOut calls over TLS: the connection is made once, and used for the next call too.
func TestTLSOut(t *testing.T) {
	ca := newAuthority(t)
	for _, uri := range []string{"sip:bob@ADDR;transport=tls", "sips:bob@ADDR"} {
		a := listen(t, &sip.Options{TLS: ca.config()})
		far := listenFar(t)
		uri = strings.ReplaceAll(uri, "ADDR", far.Addr().String())
		scheme, _, _ := strings.Cut(uri, ":")
		var p *peer
		for n := range 2 {
			dialled := make(chan bridge.Leg, 1)
			go func() {
				l, err := a.Dial(background, uri, nil)
				if err != nil {
					t.Errorf("Dial: %v", err)
				}
				dialled <- l
			}()
			if n == 0 {
				p, _ = overStream(t, tls.Server(far.next(), ca.config()), "TLS")
			}
			invite := p.request("INVITE")
			if via := invite.Via(); via.Transport != "TLS" || via.Port != int(a.TLSAddr().Port()) {
				t.Errorf("Via is %s, want TLS and the port of TLS", via.Value())
			}
			contact := invite.Contact().Address.String()
			if !strings.HasPrefix(contact, scheme+":") || scheme == "sip" && !strings.HasSuffix(contact, ";transport=tls") {
				t.Errorf("Contact is %s", contact)
			}
			p.reply(invite, 180, "b1", "", "Contact: <sip:bob@"+far.Addr().String()+";transport=tls>")
			p.reply(invite, 200, "b1", overTLS(1), "Contact: <sip:bob@"+far.Addr().String()+";transport=tls>")
			p.request("ACK")
			l := <-dialled
			if l == nil {
				t.FailNow()
			}
			waitPhase(t, l, bridge.Up)
			ended := async(func() error { return l.Hangup(background, bridge.Normal) })
			p.reply(p.request("BYE"), 200, "", "")
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		far.none()
	}
}

// TestTLSContactElsewhere has a far side whose certificate is for its name alone name its address as Contact: the call keeps the
// connection on which it has shown its name.
func TestTLSContactElsewhere(t *testing.T) {
	ca := newAuthority(t)
	a := listen(t, &sip.Options{TLS: ca.config()})
	for _, contact := range []string{"sip:bob@ADDR;transport=tls", "sips:bob@ADDR", "sip:bob@127.0.0.1:1;transport=tls"} {
		far := listenFar(t)
		dialled := make(chan bridge.Leg, 1)
		_, port, _ := net.SplitHostPort(far.Addr().String())
		go func() {
			l, err := a.Dial(background, "sips:bob@localhost:"+port, nil)
			if err != nil {
				t.Errorf("Dial: %v", err)
			}
			dialled <- l
		}()
		p, _ := overStream(t, tls.Server(far.next(), ca.config("localhost")), "TLS")
		p.reply(p.request("INVITE"), 200, "b1", overTLS(1), "Contact: <"+strings.ReplaceAll(contact, "ADDR", far.Addr().String())+">")
		p.request("ACK")
		l := <-dialled
		if l == nil {
			t.FailNow()
		}
		waitPhase(t, l, bridge.Up)
		ended := async(func() error { return l.Hangup(background, bridge.Normal) })
		p.reply(p.request("BYE"), 200, "", "")
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestTLSWrongName does not call who cannot show to be who was called.
func TestTLSWrongName(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	for name, c := range map[string]*tls.Config{"another name": ca.config("elsewhere.example.com"), "another authority": other.config()} {
		a := listen(t, &sip.Options{TLS: ca.config()})
		far := listenFar(t)
		result := async(func() error {
			_, err := a.Dial(background, "sips:bob@"+far.Addr().String(), nil)
			return err
		})
		c := tls.Server(far.next(), c)
		_ = c.SetDeadline(time.Now().Add(within))
		if n, err := c.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: %d bytes were sent", name, n)
		}
		err := <-result
		wantDialError(t, err, bridge.Unreachable, 0)
		if !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTLSClientCertificate asks who calls for a certificate, and shows ours to who asks for it.
func TestTLSClientCertificate(t *testing.T) {
	ca := newAuthority(t)
	mutual := ca.config()
	mutual.ClientAuth = tls.RequireAndVerifyClientCert
	a := listen(t, &sip.Options{TLS: mutual})
	nobody := ca.config()
	nobody.Certificates = nil
	c, err := dialTLS(t, a, nobody)
	if err == nil {
		_ = c.SetDeadline(time.Now().Add(within))
		_, err = c.Read(make([]byte, 1)) // TLS 1.3 tells a client of its refusal only now
	}
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("without a certificate: %v", err)
	}
	wait(t, "the handshake to be counted", func() bool { return a.Stats().Handshakes == 1 })
	if c, err = dialTLS(t, a, ca.config()); err != nil {
		t.Fatal(err)
	}
	p, _ := overStream(t, c, "TLS")
	p.call().send("OPTIONS", "")
	p.response(200, "OPTIONS")

	far := listenFar(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := async(func() error {
		_, err := a.Dial(ctx, "sips:bob@"+far.Addr().String(), nil)
		return err
	})
	server := tls.Server(far.next(), mutual)
	p, _ = overStream(t, server, "TLS")
	p.reply(p.request("INVITE"), 486, "b1", "")
	p.request("ACK")
	if err := <-result; bridge.CauseOf(err) != bridge.Busy {
		t.Errorf("Dial: %v", err)
	}
	if shown := server.ConnectionState().PeerCertificates; len(shown) != 1 {
		t.Errorf("%d certificates were shown, want 1", len(shown))
	}
}

// TestCertificateReload renews a certificate while the agent serves.
func TestCertificateReload(t *testing.T) {
	ca, dir := newAuthority(t), t.TempDir()
	cert, key, _ := ca.files(dir)
	c, err := sip.LoadCertificate(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	a := listen(t, &sip.Options{TLS: &tls.Config{GetCertificate: c.Get, GetClientCertificate: c.GetClient, RootCAs: ca.pool}})
	serial := func() int64 {
		t.Helper()
		conn, err := dialTLS(t, a, ca.config())
		if err != nil {
			t.Fatal(err)
		}
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	first := serial()
	ca.files(dir)
	if again := serial(); again != first {
		t.Errorf("certificate %d is shown before Reload, want %d", again, first)
	}
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	second := serial()
	if second == first {
		t.Error("the old certificate is shown after Reload")
	}
	if err := os.WriteFile(key, []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(); err == nil {
		t.Error("a torn key is taken")
	}
	if got := serial(); got != second {
		t.Errorf("certificate %d is shown after a failed Reload, want %d", got, second)
	}
	if _, err := sip.LoadCertificate(cert, key); err == nil {
		t.Error("LoadCertificate takes a torn key")
	}
}

// TestTLSOptions refuses what cannot be.
func TestTLSOptions(t *testing.T) {
	ca := newAuthority(t)
	nameless := ca.config()
	nameless.Certificates = nil
	for name, o := range map[string]*sip.Options{
		"alone, without a configuration": {Network: "tls"}, "alone, without a certificate": {Network: "tls", TLS: nameless},
		"an address, and no certificate": {TLSAddr: "127.0.0.1:0", TLS: nameless},
	} {
		if a, err := sip.Listen("127.0.0.1:0", &calltest.Engine{}, o); err == nil {
			_ = a.Close()
			t.Errorf("%s: taken", name)
		}
	}
	a := listen(t, &sip.Options{Network: "tls", TLS: ca.config()})
	if a.Addr() != a.TLSAddr() || !a.Addr().IsValid() {
		t.Errorf("Addr %v, TLSAddr %v, want one", a.Addr(), a.TLSAddr())
	}
	a = listen(t, &sip.Options{TLS: nameless})
	if a.TLSAddr().IsValid() {
		t.Errorf("TLS is served at %v without a certificate", a.TLSAddr())
	}
	if _, err := listen(t, nil).Dial(t.Context(), "sips:bob@127.0.0.1:9", nil); bridge.CauseOf(err) != bridge.Unreachable {
		t.Errorf("dialling sips without TLS: %v", err)
	}
}

// TestTLSOfNobody refuses a sips URI where TLS is not spoken, and a connection that is no TLS.
func TestTLSOfNobody(t *testing.T) {
	a := listen(t, &sip.Options{Network: "tcp"})
	c, err := net.Dial("tcp", a.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p, _ := overStream(t, c, "TCP")
	s := p.call()
	s.agentURI = "sips:room@" + a.Addr().String()
	s.send("OPTIONS", "")
	p.response(416, "OPTIONS")

	ca := newAuthority(t)
	a = listen(t, &sip.Options{TLS: ca.config()})
	plain, err := net.Dial("tcp", a.TLSAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	_ = plain.SetDeadline(time.Now().Add(within))
	_, _ = io.WriteString(plain, p.call().text("OPTIONS", 1, "z9hG4bKa", ""))
	if text, err := io.ReadAll(plain); strings.Contains(string(text), "SIP/2.0") || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("plain text is answered with %q, %v", text, err)
	}
	wait(t, "the handshake to be counted", func() bool { return a.Stats().Handshakes == 1 })
}
