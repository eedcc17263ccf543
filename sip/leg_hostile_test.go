package sip_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// A response with the branch of our request belongs to it only if its Call-ID does: it waits in the inbox of that.
func TestResponseOfAnotherCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		inv := w.peer.request("INVITE")
		w.peer.sendResponse(inv, "b1", "another", offer(1))
		synctest.Wait()
		w.peer.reply(inv, 486, "b2", "")
		w.peer.request("ACK")
		if end, _ := errors.AsType[*bridge.EndError](d.wait().err); end == nil || end.Cause != bridge.Busy {
			t.Errorf("the call ended with %v: the response of another call was taken", end)
		}
	})
}

// A 2xx to a re-INVITE from another dialog is not its answer.
func TestReinviteAnsweredByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		w.peer.reply(w.peer.request("INVITE"), 200, "b1", offer(1))
		w.peer.request("ACK")
		l := d.leg()
		re, updated := w.updating(l)
		w.peer.sendResponse(re, "evil", re.CallID().Value(), describe(2, "inactive", 35000, "0"))
		synctest.Wait()
		w.peer.reply(re, 200, "", describe(2, "recvonly", 35000, "0"))
		if ack := w.peer.request("ACK"); strings.Contains(ack.To().Value(), "evil") {
			t.Error("the 2xx of another dialog got an ACK")
		}
		if err := <-updated; err != nil {
			t.Error(err)
		}
		if m, _ := l.Info().Far.Find(media.Audio); m.Dir != media.SendRecv {
			t.Errorf("the far side is %v, as another dialog said", m.Dir)
		}
	})
}

// Repetitions of the ACK to a refusal cost nothing.
func TestRefusalAcknowledgedOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.send("INVITE", "v=0\r\n")
		w.peer.response(488, "INVITE")
		before := runtime.NumGoroutine()
		for range 50 {
			s.ackRefusal()
		}
		synctest.Wait()
		if n := runtime.NumGoroutine() - before; n > 0 {
			t.Errorf("%d more goroutines", n)
		}
	})
}

// A Contact that we cannot send to leaves the way on which the far side was heard.
func TestContactThatCannotBeReached(t *testing.T) {
	for _, contact := range []string{"sips:ann@192.0.2.2:5070", "sip:ann@192.0.2.2:5070;transport=tls", "sip:ann@192.0.2.2:5070;transport=tcp"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			d := w.dial(background, bob, nil)
			inv := w.peer.request("INVITE")
			w.peer.reply(inv, 200, "b1", offer(1), "Contact: <"+contact+">")
			w.peer.request("ACK")
			_ = async(func() error { return d.leg().Hangup(background, bridge.Normal) })
			w.peer.reply(w.peer.request("BYE"), 200, "", "")
		})
	}
}

// slowEngine opens terminals when it is told to.
type slowEngine struct {
	*calltest.Engine
	entered, leave chan struct{}
}

func (e *slowEngine) Open(p *media.Policy, o *media.OpenOptions) (media.Terminal, error) {
	close(e.entered)
	<-e.leave
	return e.Engine.Open(p, o)
}

// A call that is being prepared when the agent is drained is never placed, and leaves nothing.
func TestDrainWhileDialling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		e := &slowEngine{&calltest.Engine{}, make(chan struct{}), make(chan struct{})}
		a, err := sip.Listen("192.0.2.77:5060", e, &sip.Options{Network: "udp", ListenPacket: w.net.ListenPacket})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		p := &peer{t: t, addr: "192.0.2.5:5070", conn: w.net.Listen(t, "192.0.2.5:5070"), to: net.UDPAddrFromAddrPort(a.Addr())}
		dialled := async(func() error {
			_, err := a.Dial(background, "sip:bob@192.0.2.5:5070", nil)
			return err
		})
		<-e.entered
		now, cancel := context.WithCancel(background)
		cancel()
		_ = a.Drain(now)
		close(e.leave)
		if err := <-dialled; err == nil {
			t.Error("the call was placed")
		}
		p.silence(time.Second)
		if n, s := len(e.Terminals()), a.Stats(); n != 0 || s.Standing != 0 {
			t.Errorf("%d terminals are open, %d calls stand", n, s.Standing)
		}
	})
}

// sendResponse sends a 200 as reply does, with another Call-ID or tag.
func (p *peer) sendResponse(req interface{ String() string }, tag, callID, body string) {
	p.t.Helper()
	var kept []string
	for line := range strings.SplitSeq(req.String(), "\r\n") {
		switch name, _, _ := strings.Cut(line, ":"); name {
		case "Via", "From", "CSeq":
			kept = append(kept, line)
		case "To":
			to, _, _ := strings.Cut(line, ";tag=")
			kept = append(kept, to+";tag="+tag)
		}
	}
	p.send(fmt.Sprintf("SIP/2.0 200 OK\r\n%s\r\nCall-ID: %s\r\nContact: <sip:bob@%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
		strings.Join(kept, "\r\n"), callID, p.addr, len(body), body))
}
