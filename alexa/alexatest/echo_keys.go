package alexatest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/pion/rtp"
)

// A key is a telephone event (RFC 4733) of keyFrames packets and endPackets that say that it is over, followed by gapFrames packets of sound.
const (
	keyNames   = "0123456789*#ABCD" // by event code (RFC 4733, section 3.2)
	keyFrames  = 5
	endPackets = 3
	gapFrames  = 5
	keyVolume  = 10 // that a key says it has, in dB below 1 mW
)

var errNoKeys = errors.New("alexatest: keys cannot be pressed: they need telephone-event and a codec other than Opus, agreed and sent now")

// keyRun is a string of keys on its way.
type keyRun struct {
	codes []byte
	next  uint16        // packet of the current key
	began uint32        // RTP time of the current key
	sent  chan struct{} // closed when it is out
}

// keypad are the keys that are about to be sent.
type keypad struct {
	mu   sync.Mutex
	runs []*keyRun
}

// frame turns the packet of sound that h is for into one of a key, if one is due, and returns its payload; else nil.
func (k *keypad) frame(h *rtp.Header, events uint8) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.runs) == 0 {
		return nil
	}
	run := k.runs[0]
	if run.next == 0 {
		run.began = h.Timestamp
	}
	n := run.next
	run.next++
	switch {
	case n < keyFrames+endPackets:
		h.PayloadType, h.Timestamp, h.Marker = events, run.began, n == 0
		flags := byte(keyVolume)
		if n >= keyFrames {
			flags |= 0x80
		}
		return binary.BigEndian.AppendUint16([]byte{run.codes[0], flags}, min(n+1, keyFrames)*frameSamples)
	case n < keyFrames+endPackets+gapFrames:
		return nil
	}
	run.next = 0
	if run.codes = run.codes[1:]; len(run.codes) == 0 {
		k.runs = k.runs[1:]
		close(run.sent)
	}
	return nil
}

// press sends keys and waits until they are out.
func (m *pionMedia) press(ctx context.Context, keys string) error {
	run := &keyRun{sent: make(chan struct{})}
	for _, key := range strings.ToUpper(keys) {
		code := strings.IndexRune(keyNames, key)
		if code < 0 {
			return fmt.Errorf("alexatest: %q is no key", key)
		}
		run.codes = append(run.codes, byte(code))
	}
	if _, ok := m.pressing(); !ok {
		return errNoKeys
	}
	if len(run.codes) == 0 {
		return nil
	}
	m.keys.mu.Lock()
	m.keys.runs = append(m.keys.runs, run)
	m.keys.mu.Unlock()
	select {
	case <-run.sent:
		return nil
	case <-m.done.Done():
		return ErrEnded
	case <-ctx.Done():
		return fmt.Errorf("alexatest: keys: %w", ctx.Err())
	}
}

// press fails: an Echo without media has no telephone events.
func (c *cannedMedia) press(context.Context, string) error { return errNoKeys }
