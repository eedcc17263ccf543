package alexatest

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"time"
)

// cannedShow writes well-formed offers that lead nowhere, and is connected by any answer. It needs no socket and no goroutine, so that
// signalling can run under fake time.
type cannedShow struct {
	said showOffer
	rec  *recorder
	done <-chan struct{}
	once sync.Once
	up   chan struct{}
}

func newCannedShow(ctx context.Context, o *ShowOptions) *cannedShow {
	digest := make([]string, 0, 32)
	for _, b := range randomBytes(32) {
		digest = append(digest, fmt.Sprintf("%02X", b))
	}
	c := &cannedShow{said: newShowOffer(o), rec: newRecorder(), done: ctx.Done(), up: make(chan struct{})}
	c.said.fingerprint = "sha-256 " + strings.Join(digest, ":")
	c.said.hosts = []host{{ip: "127.0.0.1", udp: 9, passive: 9}}
	if o.TCP {
		c.said.hosts[0].udp = 0
	}
	return c
}

// newShowOffer returns what is the same with and without media.
func newShowOffer(o *ShowOptions) showOffer {
	r := randomBytes(12)
	return showOffer{
		style: o.Style, lineFeeds: o.LineFeeds, codecs: o.Codecs, audioOnly: o.AudioOnly,
		ufrag: randomICE(4), pwd: randomICE(22),
		session:   3_900_000_000 + uint64(binary.BigEndian.Uint32(r)>>8),
		audioSSRC: binary.BigEndian.Uint32(r[4:]) | 1,
		video:     binary.BigEndian.Uint32(r[8:]) &^ 1,
	}
}

func (c *cannedShow) offer() (string, error) { return c.said.text(), nil }

func (c *cannedShow) accept(*showAnswer) error {
	c.once.Do(func() { close(c.up) })
	return nil
}

func (c *cannedShow) connected() <-chan struct{} { return c.up }
func (c *cannedShow) left() <-chan struct{}      { return nil }
func (c *cannedShow) farewell() Farewell         { return Farewell{} }
func (c *cannedShow) heard() Recording           { return Recording{} }
func (c *cannedShow) seen() Video                { return Video{} }
func (c *cannedShow) close() error               { return nil }

func (c *cannedShow) waitHeard(ctx context.Context, d time.Duration) error {
	return c.rec.wait(ctx, c.done, d)
}

func (c *cannedShow) waitSeen(ctx context.Context, frames int) error {
	if frames <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("alexatest: saw nothing: %w", ctx.Err())
	case <-c.done:
		return fmt.Errorf("alexatest: saw nothing: %w", ErrEnded)
	}
}
