package siptest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/sip/siptest"
)

// rawContact is where the raw peer is reached, for its responses.
const rawContact = "Contact: <sip:raw@192.0.2.2:5060>\n"

// place calls the raw peer and returns the call and its INVITE.
func place(t *testing.T, p *siptest.Phone, r *raw, o *siptest.CallOptions) (*siptest.Call, *sipmsg.Request) {
	t.Helper()
	c, err := p.Call(t.Context(), "sip:raw@192.0.2.2", o)
	if err != nil {
		t.Fatal(err)
	}
	return c, r.request(sipmsg.INVITE)
}

// hangup hangs up in the background and returns how that went.
func hangup(t *testing.T, c *siptest.Call) <-chan error {
	result := make(chan error, 1)
	go func() { result <- c.Hangup(t.Context()) }()
	return result
}

func TestCancelWaitsForProvisional(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
		c, invite := place(t, p, r, nil)
		result := hangup(t, c)
		time.Sleep(400 * time.Millisecond)
		if r.drain() {
			t.Fatal("something came before a provisional response")
		}
		r.answer(invite, "100 Trying", "", "")
		cancel := r.request(sipmsg.CANCEL)
		if cancel.Via().Value() != invite.Via().Value() || cancel.CSeq().SeqNo != invite.CSeq().SeqNo || cancel.To().Value() != invite.To().Value() ||
			cancel.Recipient.String() != invite.Recipient.String() {
			t.Errorf("CANCEL does not match the INVITE:\n%s\n%s", cancel, invite)
		}
		r.answer(cancel, "200 OK", "", "")
		r.answer(invite, "487 Request Terminated", "x", "")
		ack := r.request(sipmsg.ACK)
		if ack.Via().Value() != invite.Via().Value() {
			t.Errorf("ACK to a failure has another branch:\n%s", ack)
		}
		if err := <-result; err != nil {
			t.Error(err)
		}
		ended(t, c, 487, "Request Terminated", false)
	})
}

func TestAnswerCrossesCancel(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
		c, invite := place(t, p, r, nil)
		r.answer(invite, "180 Ringing", "x", rawContact)
		reach(t, siptest.Ringing, c)
		result := hangup(t, c)
		cancel := r.request(sipmsg.CANCEL)
		r.answer(cancel, "200 OK", "", "")
		r.answer(invite, "200 OK", "x", rawContact+bodyOf(described(1, plainAudio)))
		r.request(sipmsg.ACK)
		bye := r.request(sipmsg.BYE)
		r.answer(bye, "200 OK", "", "")
		if err := <-result; err != nil {
			t.Error(err)
		}
		ended(t, c, 200, "BYE", false)
		if err := c.WaitState(t.Context(), siptest.Up); err == nil {
			t.Error("a call that was given up is said to have been up")
		}
	})
}

func TestForkedAnswers(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
		c, invite := place(t, p, r, nil)
		answer := func(tag string) {
			r.answer(invite, "200 OK", tag, strings.Replace(rawContact, "raw", tag, 1)+bodyOf(described(1, plainAudio)))
		}
		answer("first")
		if ack := r.request(sipmsg.ACK); ack.Recipient.User != "first" {
			t.Errorf("ACK to %s", ack.Recipient.User)
		}
		reach(t, siptest.Up, c)
		answer("second")
		if ack := r.request(sipmsg.ACK); ack.Recipient.User != "second" || !strings.Contains(ack.To().Value(), "tag=second") {
			t.Errorf("ACK to the second branch:\n%s", ack)
		}
		bye := r.request(sipmsg.BYE)
		if bye.Recipient.User != "second" || bye.CSeq().SeqNo <= invite.CSeq().SeqNo {
			t.Errorf("BYE to the second branch:\n%s", bye)
		}
		r.answer(bye, "200 OK", "", "")
		answer("second")
		if ack := r.request(sipmsg.ACK); ack.Recipient.User != "second" {
			t.Errorf("ACK to %s", ack.Recipient.User)
		}
		answer("first")
		if ack := r.request(sipmsg.ACK); ack.Recipient.User != "first" {
			t.Errorf("ACK to %s", ack.Recipient.User)
		}
		if s := c.State(); s != siptest.Up {
			t.Errorf("the call is %s", s)
		}
		finish(t, c, r)
	})
}

// finish hangs up a call to the raw peer.
func finish(t *testing.T, c *siptest.Call, r *raw) *sipmsg.Request {
	t.Helper()
	result := hangup(t, c)
	bye := r.request(sipmsg.BYE)
	r.answer(bye, "200 OK", "", "")
	if err := <-result; err != nil {
		t.Error(err)
	}
	return bye
}

func TestAnswersThatFail(t *testing.T) {
	for name, rest := range map[string]string{
		"none":           rawContact,
		"refused audio":  rawContact + bodyOf(described(1, "m=audio 0 RTP/AVP 0\n")),
		"another codec":  rawContact + bodyOf(described(1, "m=audio 4000 RTP/AVP 8\n")),
		"more sections":  rawContact + bodyOf(described(1, plainAudio+"m=video 5000 RTP/AVP 96\n")),
		"not an address": rawContact + bodyOf(strings.ReplaceAll(described(1, plainAudio), "IN IP4 192.0.2.2", "IN IP4 raw.example")),
	} {
		t.Run(name, func(t *testing.T) {
			withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
				c, invite := place(t, p, r, nil)
				r.answer(invite, "200 OK", "x", rest)
				r.request(sipmsg.ACK)
				r.answer(r.request(sipmsg.BYE), "200 OK", "", "")
				reach(t, siptest.Ended, c)
				if status, reason, byRemote := c.Ended(); status != 488 || byRemote || reason == "" {
					t.Errorf("ended with %d %q, by the other side: %t", status, reason, byRemote)
				}
			})
		})
	}
}

func TestEarlyAnswerStands(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
		c, invite := place(t, p, r, nil)
		r.answer(invite, "183 Session Progress", "x", rawContact+bodyOf(described(1, plainAudio)))
		reach(t, siptest.Early, c)
		r.answer(invite, "200 OK", "x", rawContact)
		r.request(sipmsg.ACK)
		reach(t, siptest.Up, c)
		r.answer(invite, "180 Ringing", "x", rawContact) // overtaken by the 200
		synctest.Wait()
		if s := c.State(); s != siptest.Up {
			t.Errorf("after a late 180 the call is %s", s)
		}
		finish(t, c, r)
	})
}

func TestLateOfferOfAnotherPhone(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
		c, invite := place(t, p, r, &siptest.CallOptions{Offerless: true})
		if len(invite.Body()) != 0 {
			t.Errorf("the INVITE has a body:\n%s", invite)
		}
		r.answer(invite, "200 OK", "x", rawContact+bodyOf(described(1, plainAudio)))
		ack := r.request(sipmsg.ACK)
		if !strings.Contains(string(ack.Body()), "m=audio 9 RTP/AVP 0 101\r\n") {
			t.Errorf("no answer in the ACK:\n%s", ack)
		}
		// The ACK is the same when it is sent again.
		r.answer(invite, "200 OK", "x", rawContact+bodyOf(described(1, plainAudio)))
		if again := r.request(sipmsg.ACK); again.String() != ack.String() {
			t.Errorf("the second ACK differs:\n%s\n%s", ack, again)
		}
		reach(t, siptest.Up, c)
		finish(t, c, r)
	})
}

func TestOfferRefusedInCall(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
		c, invite := place(t, p, r, nil)
		r.answer(invite, "200 OK", "x", rawContact+bodyOf(described(1, plainAudio)))
		r.request(sipmsg.ACK)
		reach(t, siptest.Up, c)
		hold := func() <-chan error {
			result := make(chan error, 1)
			go func() { result <- c.Hold(t.Context()) }()
			return result
		}
		result := hold()
		offer := r.request(sipmsg.INVITE)
		r.answer(offer, "488 Not Acceptable Here", "", "")
		r.request(sipmsg.ACK)
		if err := <-result; err == nil || !strings.Contains(err.Error(), "488") {
			t.Errorf("a refused hold says %v", err)
		}
		if s := c.State(); s != siptest.Up {
			t.Errorf("the call is %s", s)
		}
		// Accepted, with the 200 repeated.
		result = hold()
		offer = r.request(sipmsg.INVITE)
		for range 2 {
			r.answer(offer, "200 OK", "", rawContact+bodyOf(described(2, plainAudio+"a=recvonly\n")))
			r.request(sipmsg.ACK)
		}
		if err := <-result; err != nil {
			t.Error(err)
		}
		// The other side has lost the call.
		result = hold()
		offer = r.request(sipmsg.INVITE)
		r.answer(offer, "481 Call/Transaction Does Not Exist", "", "")
		r.request(sipmsg.ACK)
		r.answer(r.request(sipmsg.BYE), "481 Call/Transaction Does Not Exist", "", "")
		if err := <-result; err == nil {
			t.Error("hold of a lost call succeeds")
		}
		ended(t, c, 481, "Call/Transaction Does Not Exist", true)
		synctest.Wait()
	})
}

func TestOfferCutShortIsStillAcknowledged(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
		c, invite := place(t, p, r, nil)
		r.answer(invite, "200 OK", "x", rawContact+bodyOf(described(1, plainAudio)))
		r.request(sipmsg.ACK)
		reach(t, siptest.Up, c)
		ctx := within(t)
		result := make(chan error, 1)
		go func() { result <- c.Hold(ctx) }()
		offer := r.request(sipmsg.INVITE)
		r.answer(offer, "100 Trying", "", "")
		if err := <-result; err == nil {
			t.Error("hold without an answer succeeds")
		}
		r.answer(offer, "200 OK", "", rawContact+bodyOf(described(2, plainAudio+"a=recvonly\n")))
		r.request(sipmsg.ACK)
		finish(t, c, r)
	})
}
