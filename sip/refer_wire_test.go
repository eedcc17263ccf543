package sip_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

// TestReferLetsGo tells of a transfer after the call that asked for it is over, as is usual: that does not keep the connection open.
func TestReferLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newIncoming()
		far := listenWiresWith(t, &sip.Options{Network: "tcp", Bridge: in}).connect(t, 5070)
		p, _ := overStream(t, far, "TCP")
		p.addr = peerAddr
		s := p.call()
		s.send("INVITE", offer(1))
		p.response(100, "INVITE")
		l := <-in.legs
		answered := async(func() error { return l.Answer(background, nil) })
		s.learn(p.response(200, "INVITE"))
		s.ack("")
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
		s.send("REFER", "", "Refer-To: <sip:dave@192.0.2.4>")
		p.response(202, "REFER")
		p.reply(p.request("NOTIFY"), 200, "", "")
		wish := waitInfo(t, l, func(i bridge.Info) bool { return i.Transfer != nil }).Transfer
		s.send("BYE", "")
		p.response(200, "BYE")
		time.Sleep(time.Minute)
		wish.Done(nil)
		p.reply(p.request("NOTIFY"), 200, "", "")
		if d := lives(far); d != 2*time.Minute {
			t.Errorf("closed %v after the call, want 2 min", d)
		}
	})
}
