package engine

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"
)

const (
	handshakeLimit = 10 * time.Second
	replayWindow   = numbersKept // packets that may be late
)

var errNoProfile = errors.New("engine: no SRTP profile in common")

// association is the DTLS side of a terminal (RFC 5763, RFC 5764): one handshake, which gives the SRTP keys. After it the connection
// is parked: its goroutines end, and what may still be needed of it is kept as bytes.
type association struct {
	t   *terminal
	ctx context.Context // ends with the terminal
	end context.CancelFunc

	mu          sync.Mutex
	fingerprint string // that the far side's certificate must have; empty before its description is there
	client      bool
	reachable   bool // there is a path to the far side
	running     bool
	failed      bool // it does not try again
	conn        *packetConn
	parked      *parked // not nil after the handshake
	work        sync.WaitGroup
}

func newAssociation(t *terminal) *association {
	a := &association{t: t}
	a.conn = newPacketConn(t.transport)
	a.ctx, a.end = context.WithCancel(context.Background())
	return a
}

// expect says which certificate the far side's description names, and which role is ours. Another certificate than before means a new
// association; the old keys serve until it has new ones (RFC 8842 section 5).
func (a *association) expect(fingerprint string, client bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fingerprint == fingerprint {
		return
	}
	if a.fingerprint != "" {
		a.conn.stop() // ends a handshake with the certificate before
		a.parked, a.conn, a.failed = nil, newPacketConn(a.t.transport), false
	}
	a.fingerprint, a.client = fingerprint, client
	a.begin()
}

// connected says that there is a path.
func (a *association) connected() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reachable = true
	a.begin()
}

// disconnected says that another path is looked for. A handshake that has not begun waits for it.
func (a *association) disconnected() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reachable = false
}

// arrived takes a DTLS datagram from the reader. What comes before we are ready waits in the queue.
func (a *association) arrived(b []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.parked != nil {
		a.parked.arrived(a.t.transport, b)
		return
	}
	a.conn.queue.put(b, a.t.transport.remote())
}

// begin starts the handshake once there is a path and we know with whom. A server waits for the far side's first word in it, which has
// to come in time too.
func (a *association) begin() {
	if a.running || a.failed || a.parked != nil || a.fingerprint == "" || !a.reachable || a.ctx.Err() != nil {
		return
	}
	a.running = true
	a.work.Go(a.handshake)
}

func (a *association) handshake() {
	a.mu.Lock()
	conn, client, fingerprint := a.conn, a.client, a.fingerprint
	a.mu.Unlock()
	ctx, cancel := context.WithTimeout(a.ctx, a.t.engine.limits.handshake)
	defer cancel()
	release := context.AfterFunc(ctx, conn.queue.close) // else the handshake does not see its context end
	p, in, out, err := shake(ctx, conn, client, fingerprint, a.t.engine.cert)
	release()
	conn.queue.close()
	a.mu.Lock()
	a.running = false
	if conn != a.conn { // another certificate has been named meanwhile
		a.begin()
		a.mu.Unlock()
		return
	}
	if err != nil {
		a.failed = true
		a.mu.Unlock()
		if a.ctx.Err() == nil {
			a.t.fail(fmt.Errorf("engine: DTLS: %w", err))
		}
		return
	}
	a.parked = p
	a.t.crypt.set(in, out)
	a.mu.Unlock()
}

// shake runs one handshake and returns the keys for what comes in and what goes out.
func shake(ctx context.Context, conn *packetConn, client bool, fingerprint string, cert *certificate) (*parked, *srtp.Context, *srtp.Context, error) {
	c, err := newConn(conn, client, fingerprint, cert)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, nil, nil, err
	}
	state, ok := c.ConnectionState()
	profile, chosen := c.SelectedSRTPProtectionProfile()
	if !ok || !chosen {
		_ = c.Close()
		return nil, nil, nil, errNoProfile
	}
	p := park(conn, c, client)
	in, out, err := srtpContexts(&state, srtp.ProtectionProfile(profile), client)
	return p, in, out, err
}

func newConn(conn *packetConn, client bool, fingerprint string, cert *certificate) (*dtls.Conn, error) {
	verify := func(raw [][]byte, _ [][]*x509.Certificate) error {
		if len(raw) == 0 {
			return errFingerprint
		}
		return checkFingerprint(fingerprint, raw[0])
	}
	common := []dtls.Option{
		dtls.WithCertificates(cert.tls),
		dtls.WithInsecureSkipVerify(true), // the fingerprint says whom we talk to, not an authority
		dtls.WithVerifyPeerCertificate(verify),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		dtls.WithLoggerFactory(silentLogs{}),
	}
	remote := net.UDPAddrFromAddrPort(conn.tr.remote())
	if client {
		opts := make([]dtls.ClientOption, len(common))
		for i := range common {
			opts[i] = common[i]
		}
		return dtls.ClientWithOptions(conn, remote, opts...)
	}
	opts := []dtls.ServerOption{
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithInsecureSkipVerifyHello(conn.tr.t.policy.ICE), // which has proved the address: no cookie is needed
	}
	for i := range common {
		opts = append(opts, common[i])
	}
	return dtls.ServerWithOptions(conn, remote, opts...)
}

func srtpContexts(state *dtls.State, profile srtp.ProtectionProfile, client bool) (in, out *srtp.Context, err error) {
	c := srtp.Config{Profile: profile}
	if err := c.ExtractSessionKeysFromDTLS(state, client); err != nil {
		return nil, nil, err
	}
	in, err = srtp.CreateContext(c.Keys.RemoteMasterKey, c.Keys.RemoteMasterSalt, profile,
		srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return nil, nil, err
	}
	out, err = srtp.CreateContext(c.Keys.LocalMasterKey, c.Keys.LocalMasterSalt, profile)
	return in, out, err
}

// notify says goodbye to the far side (RFC 5246 section 7.2.1).
func (a *association) notify() {
	a.mu.Lock()
	p := a.parked
	a.mu.Unlock()
	if p != nil && p.goodbye != nil {
		_ = a.t.transport.writeTo(p.goodbye)
	}
}

// close ends a handshake that still runs.
func (a *association) close() {
	a.end()
	a.mu.Lock()
	conn := a.conn
	a.mu.Unlock()
	conn.stop()
	a.work.Wait()
}
