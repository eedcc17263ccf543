package siptest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip/siptest"
)

// withRaw runs a test of a phone and a raw peer in fake time.
func withRaw(t *testing.T, o siptest.PhoneOptions, test func(t *testing.T, p *siptest.Phone, r *raw)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := testutil.PacketPipe(t)
		test(t, silentPhone(t, near, o), newRaw(t, far, near.LocalAddr()))
	})
}

func TestOffersAnswered(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
		tag, answer := r.up(described(1, "m=video 5000 RTP/AVP 96\n"+plainAudio))
		if want := "m=video 0 RTP/AVP 96\r\nm=audio 9 RTP/AVP 0 101\r\n"; !strings.Contains(answer, want) {
			t.Errorf("answer:\n%s\nwant in it:\n%s", answer, want)
		}
		version := versionIn(t, answer)
		for i, c := range []struct {
			media, want string
			grows       int
		}{
			{"m=video 5000 RTP/AVP 96\n" + plainAudio, "sendrecv", 0},
			{"m=video 5000 RTP/AVP 96\n" + plainAudio + "a=sendonly\n", "recvonly", 1},
			{"m=video 5000 RTP/AVP 96\n" + plainAudio + "a=recvonly\n", "sendonly", 1},
			{"m=video 5000 RTP/AVP 96\n" + plainAudio + "a=inactive\n", "inactive", 1},
			{"m=video 5000 RTP/AVP 96\n" + plainAudio + "c=IN IP4 0.0.0.0\n", "recvonly", 1},
			{"m=video 5000 RTP/AVP 96\n" + plainAudio, "sendrecv", 1},
		} {
			seq := 2 + i
			r.send("%s", outside("INVITE", seq, tag, bodyOf(described(seq, c.media))))
			sdp := string(r.response(200).Body())
			r.send("%s", outside("ACK", seq, tag, ""))
			if got := directionIn(sdp); got != c.want {
				t.Errorf("%q is answered with %s, want %s", c.media, got, c.want)
			}
			if v := versionIn(t, sdp); v != version+c.grows {
				t.Errorf("version %d after %d, want %d more", v, version, c.grows)
			}
			version = versionIn(t, sdp)
		}
		// One without an offer gets one: all sections are still there.
		r.send("%s", outside("INVITE", 20, tag, ""))
		sdp := string(r.response(200).Body())
		if want := "m=video 0 RTP/AVP 96\r\nm=audio 9 RTP/AVP 0 101\r\n"; !strings.Contains(sdp, want) {
			t.Errorf("offer:\n%s\nwant in it:\n%s", sdp, want)
		}
		r.send("%s", outside("ACK", 20, tag, bodyOf(described(20, "m=video 0 RTP/AVP 96\n"+plainAudio))))
		r.send("%s", outside("BYE", 21, tag, "Reason: Q.850;cause=16"))
		r.response(200)
		ended(t, p.Calls()[0], 200, "Q.850;cause=16", true)
	})
}

func TestOfferThatCannotBeTakenUp(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
		tag, answer := r.up(described(1, plainAudio))
		r.send("%s", outside("INVITE", 2, tag, bodyOf(described(2, "m=audio 4000 RTP/AVP 18\n"))))
		r.response(488)
		r.send("%s", outside("ACK", 2, tag, ""))
		c := p.Calls()[0]
		if c.State() != siptest.Up || c.LocalSDP() != answer {
			t.Errorf("after an offer that was refused the call is %s and its description\n%s", c.State(), c.LocalSDP())
		}
	})
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		message string
		status  int
		header  string // that the response has
	}{
		"options":            {outside("OPTIONS", 1, "", ""), 200, "Allow"},
		"unknown method":     {outside("PUBLISH", 1, "", ""), 405, "Allow"},
		"unknown dialog":     {outside("BYE", 1, "nobody", ""), 481, ""},
		"cancel of nothing":  {outside("CANCEL", 1, "", ""), 481, ""},
		"required extension": {outside("INVITE", 1, "", "Require: 100rel\n"+bodyOf(described(1, plainAudio))), 420, "Unsupported"},
		"other body":         {outside("INVITE", 1, "", "Content-Type: text/plain\n\nhello"), 415, "Accept"},
		"broken description": {outside("INVITE", 1, "", bodyOf("v=0\nm=audio\n")), 400, ""},
		"no codec":           {outside("INVITE", 1, "", bodyOf(described(1, "m=audio 4000 RTP/AVP 18\n"))), 488, ""},
		"secure media":       {outside("INVITE", 1, "", bodyOf(described(1, "m=audio 4000 RTP/SAVP 0\n"))), 488, ""},
		"no contact":         {strings.Replace(outside("INVITE", 1, "", ""), "Contact", "X-Contact", 1), 400, ""},
		"methods differ":     {strings.Replace(outside("OPTIONS", 1, "", ""), "CSeq: 1 OPTIONS", "CSeq: 1 INFO", 1), 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
				r.send("%s", c.message)
				res := r.response(c.status)
				if c.header != "" && res.GetHeader(strings.ToLower(c.header)) == nil {
					t.Errorf("no %s in\n%s", c.header, res)
				}
				if len(p.Calls()) != 0 {
					t.Error("a call has come of it")
				}
			})
		})
	}
}

func TestInDialogRefusals(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
		tag, _ := r.up(described(1, plainAudio))
		r.send("%s", outside("OPTIONS", 2, tag, ""))
		r.response(200)
		r.send("%s", outside("INFO", 5, tag, ""))
		r.response(405)
		r.send("%s", outside("INFO", 4, tag, "")) // out of order
		r.response(500)
		r.send("%s", strings.Replace(outside("BYE", 6, tag, ""), "tag=theirs", "tag=another", 1))
		r.response(481)
		// The INVITE of the call once more, by another way.
		r.send("%s", strings.Replace(outside("INVITE", 1, "", bodyOf(described(1, plainAudio))), "-INVITE-1", "-again", 1))
		r.response(482)
		if s := p.Calls()[0].State(); s != siptest.Up {
			t.Errorf("the call is %s", s)
		}
	})
}

func TestTagsAgree(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{AnswerAfter: -1}, func(t *testing.T, p *siptest.Phone, r *raw) {
		invite := outside("INVITE", 1, "", bodyOf(described(1, plainAudio)))
		r.send("%s", invite)
		r.response(100)
		ringing := r.response(180)
		r.send("%s", invite) // repeated
		again := r.response(180)
		cancel := strings.Replace(outside("CANCEL", 1, "", "Reason: SIP;cause=200;text=\"Call completed elsewhere\""), "-CANCEL-1", "-INVITE-1", 1)
		r.send("%s", cancel)
		ok, terminated := r.response(200), r.response(487)
		tag, _ := ringing.To().Params.Get("tag")
		if tag == "" {
			t.Fatal("180 has no To tag")
		}
		for _, res := range []*sipmsg.Response{again, ok, terminated} {
			if got, _ := res.To().Params.Get("tag"); got != tag {
				t.Errorf("To tag %q in %d to %s, want %q", got, res.StatusCode, res.CSeq().MethodName, tag)
			}
		}
		r.send("%s", strings.Replace(outside("ACK", 1, tag, ""), "-ACK-1", "-INVITE-1", 1))
		ended(t, p.Calls()[0], 487, "SIP;cause=200;text=\"Call completed elsewhere\"", true)
	})
}

func TestByeBeforeAnswer(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{AnswerAfter: -1}, func(t *testing.T, p *siptest.Phone, r *raw) {
		r.send("%s", outside("INVITE", 1, "", bodyOf(described(1, plainAudio))))
		r.response(100)
		tag, _ := r.response(180).To().Params.Get("tag")
		r.send("%s", outside("BYE", 2, tag, ""))
		if res := r.response(200); res.CSeq().MethodName != sipmsg.BYE {
			t.Errorf("200 to %s", res.CSeq().MethodName)
		}
		r.response(487)
		ended(t, p.Calls()[0], 487, "BYE", true)
	})
}

func TestAckWithBranchOfInvite(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
		r.send("%s", outside("INVITE", 1, "", bodyOf(described(1, plainAudio))))
		r.response(100)
		r.response(180)
		tag, _ := r.response(200).To().Params.Get("tag")
		r.send("%s", strings.Replace(outside("ACK", 1, tag, ""), "-ACK-1", "-INVITE-1", 1))
		if msg := r.next(); msg != nil {
			t.Errorf("after the ACK comes\n%s", msg)
		}
		reach(t, siptest.Up, p.Calls()[0])
	})
}

func TestAnswerMissingInAck(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
		r.up("")
		bye := r.request(sipmsg.BYE)
		r.answer(bye, "200 OK", "", "")
		reach(t, siptest.Ended, p.Calls()[0])
		if status, _, byRemote := p.Calls()[0].Ended(); status != 488 || byRemote {
			t.Errorf("ended with %d, by the other side: %t", status, byRemote)
		}
	})
}

func TestCredentialsWorkOnce(t *testing.T) {
	o := siptest.PhoneOptions{RequireAuth: true, Username: "room12", Password: "secret", Reject: 486}
	withRaw(t, o, func(t *testing.T, _ *siptest.Phone, r *raw) {
		invite := func(seq int, header string) {
			r.send("%s", outside("INVITE", seq, "", header+bodyOf(described(seq, plainAudio))))
		}
		acknowledge := func(seq int, res *sipmsg.Response) {
			tag, _ := res.To().Params.Get("tag")
			r.send("%s", strings.Replace(outside("ACK", seq, tag, ""), "-ACK-", "-INVITE-", 1))
		}
		invite(1, "")
		res := r.response(407)
		acknowledge(1, res)
		chal, err := digest.ParseChallenge(res.GetHeader("proxy-authenticate").Value())
		if err != nil {
			t.Fatal(err)
		}
		credentials := func(count int, uri string) string {
			cred, err := digest.Digest(chal, digest.Options{Method: "INVITE", URI: uri, Username: "room12", Password: "secret", Count: count})
			if err != nil {
				t.Fatal(err)
			}
			return "Proxy-Authorization: " + cred.String() + "\n"
		}
		for seq, c := range []struct {
			header string
			status int
		}{
			{credentials(1, "sip:other@192.0.2.1"), 407}, // for another URI
			{credentials(1, "sip:desk@192.0.2.1"), 100},
			{credentials(1, "sip:desk@192.0.2.1"), 407}, // replayed
			{credentials(2, "sip:desk@192.0.2.1"), 100},
		} {
			invite(seq+2, c.header)
			res := r.response(c.status)
			if c.status == 100 {
				res = r.response(486)
			}
			acknowledge(seq+2, res)
		}
	})
}

func TestRoutesOfCallee(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
		contact := "Contact: <sip:raw@192.0.2.77:5099>"
		routed := func(message string) string {
			return strings.Replace(message, "Contact: <sip:raw@192.0.2.2:5060>",
				"Record-Route: <sip:192.0.2.2;lr>, <sip:192.0.2.88;lr>\n"+contact, 1)
		}
		r.send("%s", routed(outside("INVITE", 1, "", bodyOf(described(1, plainAudio)))))
		r.response(100)
		if n := len(r.response(180).GetHeaders("record-route")); n != 2 {
			t.Errorf("%d Record-Route headers in 180, want 2", n)
		}
		tag, _ := r.response(200).To().Params.Get("tag")
		r.send("%s", outside("ACK", 1, tag, ""))
		synctest.Wait()
		go func() { _ = p.Calls()[0].Hangup(t.Context()) }()
		// It comes here because the first route is here.
		bye := r.request(sipmsg.BYE)
		r.answer(bye, "200 OK", "", "")
		routes := bye.GetHeaders("route")
		if bye.Recipient.String() != "sip:raw@192.0.2.77:5099" || len(routes) != 2 || routes[0].Value() != "<sip:192.0.2.2;lr>" ||
			routes[1].Value() != "<sip:192.0.2.88;lr>" {
			t.Errorf("BYE does not follow the routes:\n%s", bye)
		}
	})
}

func TestMalformedMessagesAreLeftAlone(t *testing.T) {
	withRaw(t, siptest.PhoneOptions{}, func(t *testing.T, p *siptest.Phone, r *raw) {
		for _, junk := range []string{"", "\r\n\r\n", "hello", "INVITE sip:x SIP/2.0\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n", "\x00\x01\x02\x03", strings.Repeat("x", 60000)} {
			if _, err := r.conn.WriteTo([]byte(junk), r.to); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		for r.drain() { // sipgo answers some with 400
		}
		r.up(described(1, plainAudio))
	})
}

// drain reads one message that has come already, and reports whether there was one.
func (r *raw) drain() bool {
	r.t.Helper()
	if err := r.conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		r.t.Fatal(err)
	}
	_, _, err := r.conn.ReadFrom(make([]byte, 4096))
	return err == nil
}
