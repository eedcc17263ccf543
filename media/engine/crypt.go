package engine

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/alexacall/alexacall/media"
)

// crypt is the SRTP of one stream whose keys stand in the descriptions (RFC 4568) or, under a DTLS association, of all streams.
type crypt struct {
	in   atomic.Pointer[inKeys] // nil before there are keys
	inMu sync.Mutex             // guards the RTP of in: two readers have it while the far side goes over from one base to another

	mu     sync.Mutex // guards the rest, and the RTCP of in
	out    *srtp.Context
	header rtp.Header // of the packet being protected, so that it does not allocate

	outs map[media.Key]*srtp.Context // a key that is taken up again goes on where it stopped: its key stream is not used twice
	ins  map[media.Key]*keys
}

// keys are what the far side protects with. RTP and RTCP may come on two ports, so that two readers use them.
type keys struct{ rtp, rtcp *srtp.Context }

// inKeys are the keys that are in use. After a description with a new key the one before serves too, until something has come under
// the new one: packets are on their way while an offer is answered.
type inKeys struct {
	now, old *keys
	key      media.Key // of now
}

const maxKeys = 16 // of the far side that are remembered: a key for each re-offer

var errNoKeys = errors.New("engine: no keys yet")

// srtpProfileTable maps the suites of SDES.
var srtpProfileTable = map[media.Suite]srtp.ProtectionProfile{
	media.AES256GCM: srtp.ProtectionProfileAeadAes256Gcm,
	media.AES128GCM: srtp.ProtectionProfileAeadAes128Gcm,
	media.AESCM80:   srtp.ProtectionProfileAes128CmHmacSha1_80,
	media.AESCM32:   srtp.ProtectionProfileAes128CmHmacSha1_32,
}

// newContext makes a context from a key of SDES.
func newContext(k media.Key) (*srtp.Context, error) {
	profile, ok := srtpProfileTable[k.Suite]
	if !ok {
		return nil, errNoProfile
	}
	key, salt := k.Split()
	c, err := srtp.CreateContext(key, salt, profile, srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow),
		srtp.MasterKeyIndicator([]byte(k.MKI)))
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	return c, nil
}

// ready reports whether there are keys; a nil crypt needs none.
func (c *crypt) ready() bool { return c == nil || c.in.Load() != nil }

// set installs the contexts of a handshake.
func (c *crypt) set(in, out *srtp.Context) {
	c.mu.Lock()
	c.out = out
	c.mu.Unlock()
	c.in.Store(&inKeys{now: &keys{in, in}})
}

// agree installs the keys of two descriptions.
func (c *crypt) agree(in, out media.Key) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outs == nil {
		c.outs, c.ins = map[media.Key]*srtp.Context{}, map[media.Key]*keys{}
	}
	if c.outs[out] == nil {
		made, err := newContext(out)
		if err != nil {
			return err
		}
		c.outs[out] = made
	}
	before := c.in.Load()
	if before == nil || before.key != in {
		next, err := c.far(in)
		if err != nil {
			return err
		}
		k := &inKeys{now: next, key: in}
		if before != nil {
			k.old = before.now
		}
		c.in.Store(k)
	}
	c.out = c.outs[out]
	return nil
}

// far returns the contexts for a key of the far side. c.mu is held.
func (c *crypt) far(k media.Key) (*keys, error) {
	if known := c.ins[k]; known != nil {
		return known, nil
	}
	forRTP, err := newContext(k)
	if err != nil {
		return nil, err
	}
	forRTCP, err := newContext(k)
	if err != nil {
		return nil, err
	}
	if len(c.ins) >= maxKeys {
		clear(c.ins)
	}
	c.ins[k] = &keys{forRTP, forRTCP}
	return c.ins[k], nil
}

// open decrypts an RTP packet in its place and parses its header into w.
func (c *crypt) open(w *worker, pkt []byte) ([]byte, error) {
	k := c.in.Load()
	if k == nil {
		return nil, errNoKeys
	}
	c.inMu.Lock()
	defer c.inMu.Unlock()
	if k.old == nil {
		return k.now.rtp.DecryptRTP(pkt[:0], pkt, &w.header)
	}
	w.sealed = append(w.sealed[:0], pkt...) // the first try may spoil the packet
	plain, err := k.now.rtp.DecryptRTP(pkt[:0], pkt, &w.header)
	if err == nil {
		c.in.CompareAndSwap(k, &inKeys{now: k.now, key: k.key})
		return plain, nil
	}
	return k.old.rtp.DecryptRTP(pkt[:0], w.sealed, &w.header)
}

// authentic reports whether a packet is the far side's, and leaves it as it is.
func (c *crypt) authentic(w *worker, pkt []byte) bool {
	k := c.in.Load()
	if k == nil {
		return false
	}
	c.inMu.Lock()
	defer c.inMu.Unlock()
	w.sealed = append(w.sealed[:0], pkt...)
	_, err := k.now.rtp.DecryptRTP(w.sealed[:0], w.sealed, &w.header)
	return err == nil
}

// protect encrypts a packet in its place. pkt needs room for the tag.
func (c *crypt) protect(pkt []byte) ([]byte, error) {
	if c == nil {
		return pkt, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.EncryptRTP(pkt, pkt, &c.header)
}

func (c *crypt) protectRTCP(b []byte) ([]byte, error) {
	if c == nil {
		return b, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.EncryptRTCP(nil, b, nil)
}

func (c *crypt) openRTCP(b []byte) ([]byte, error) {
	if c == nil {
		return b, nil
	}
	k := c.in.Load()
	if k == nil {
		return nil, errNoKeys
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	plain, err := k.now.rtcp.DecryptRTCP(nil, b, nil)
	if err != nil && k.old != nil {
		return k.old.rtcp.DecryptRTCP(nil, b, nil)
	}
	return plain, err
}
