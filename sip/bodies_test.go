package sip

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/internal/testutil"
)

// TestBodiesDropped sends requests with long bodies: once they are answered nothing keeps the bodies, though the requests may be repeated for
// a while.
func TestBodiesDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := testutil.NewPacketNet()
		var taken []int
		a, err := Listen("192.0.2.1:5060", noEngine{}, &Options{Network: "udp", ListenPacket: network.ListenPacket, Message: func(_ context.Context, m *Message) error {
			taken = append(taken, len(m.Body))
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		c := network.Listen(t, "192.0.2.2:5060")
		body := strings.Repeat("x", 60_000)
		for n, method := range []string{"OPTIONS", "MESSAGE", "REGISTER", "OPTIONS"} {
			text := strings.ReplaceAll(string(optionsText(fmt.Sprint("call", n))), "OPTIONS", method)
			text = strings.Replace(text, "Content-Length: 0\r\n", fmt.Sprintf("Content-Type: text/plain\r\nContent-Length: %d\r\n", len(body)), 1) + body
			if got := answered(t, a, c, []byte(text)); got == "" {
				t.Errorf("%s is not answered", method)
			}
		}
		synctest.Wait()
		if len(taken) != 1 || taken[0] != len(body) {
			t.Errorf("messages of %v bytes were taken", taken)
		}
		a.txs.mu.Lock()
		defer a.txs.mu.Unlock()
		if len(a.txs.server) != 0 || len(a.txs.answered.packed.places) != 4 {
			t.Errorf("%d transactions are under way and %d kept", len(a.txs.server), len(a.txs.answered.packed.places))
		}
		for key := range maps.Clone(a.txs.answered.packed.places) {
			p := a.txs.answered.find(key)
			if len(p.text) == 0 || len(p.text) > 1000 {
				t.Errorf("of %x %d bytes are kept", key, len(p.text))
			}
		}
	})
}
