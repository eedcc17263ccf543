package sip_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestUnanswerable sends requests whose fields cannot stand in a response. They are not answered, and nothing is kept of them: else a few
// seconds of them would leave no room for calls.
func TestUnanswerable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		long := strings.Repeat("y", 64<<10-450)
		for _, c := range [...]struct{ method, field string }{
			{"OPTIONS", "a\nb"}, {"INVITE", "a\nb"}, {"BYE", "a\nb"}, {"OPTIONS", long},
		} {
			s := w.peer.call()
			text := strings.Replace(s.text(c.method, 1, "z9hG4bK"+s.callID, ""), "<sip:ann@example.com>", "<sip:ann@example.com>;x="+c.field, 1)
			if len(text) > 64<<10 {
				t.Fatal("no datagram is that long")
			}
			w.peer.send(text)
			w.peer.silence(time.Second)
		}
		if got := w.agent.Stats(); got.ServerTransactions != 0 || got.Unparsed != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// TestTransactionsApart sends requests of two calls whose Call-IDs and branches are alike once they stand side by side. Each has a
// transaction of its own.
func TestTransactionsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for _, c := range [...]struct{ callID, branch string }{{"a tag 1 b", "z9hG4bKc"}, {"a", "b z9hG4bKc"}} {
			s := w.peer.call()
			s.callID, s.tag = c.callID, "tag"
			w.peer.send(s.text("OPTIONS", 1, c.branch, ""))
			if got := w.peer.response(200, "OPTIONS").CallID().Value(); got != c.callID {
				t.Errorf("Call-ID %q, want %q", got, c.callID)
			}
		}
		if got := w.agent.Stats().ServerTransactions; got != 2 {
			t.Errorf("%d transactions", got)
		}
	})
}
