package siptest_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"github.com/alexacall/alexacall/sip/siptest"
)

// exchange is a PBX with a phone of its own, called 100, and what it has let pass and refused.
type exchange struct {
	*siptest.PBX
	desk *siptest.Phone

	mu   sync.Mutex
	told []string
}

func newExchange(t *testing.T, desk *siptest.PhoneOptions) *exchange {
	t.Helper()
	x := &exchange{desk: phone(t, desk)}
	var err error
	x.PBX, err = siptest.NewPBX(&siptest.PBXOptions{
		Users: map[string]string{"guest": "secret"}, Extensions: map[string]string{"100": x.desk.URI()},
		OnRequest: func(what string, status int) {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.told = append(x.told, fmt.Sprint(what, " ", status))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return x
}

// tells checks what the PBX has told.
func (x *exchange) tells(t *testing.T, want ...string) {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Equal(x.told, want) {
		t.Errorf("the PBX tells %q, want %q", x.told, want)
	}
}

// guest is a phone that calls by a PBX.
func guest(t *testing.T, password string) *siptest.Phone {
	t.Helper()
	return phone(t, &siptest.PhoneOptions{User: "guest", Network: "udp", Play: siptest.Tone(440), Username: "guest", Password: password})
}

func TestPBXCall(t *testing.T) {
	t.Parallel()
	x := newExchange(t, &siptest.PhoneOptions{Play: siptest.Tone(1000)})
	out, err := guest(t, "secret").Call(within(t), x.URI("100"), nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := x.desk.NextCall(within(t))
	if err != nil {
		t.Fatal(err)
	}
	reach(t, siptest.Up, out, in)
	hears(t, out, 1000)
	hears(t, in, 440)
	if in.Header("Proxy-Authorization") != "" {
		t.Error("the PBX passes credentials on")
	}
	if err := in.Hangup(within(t)); err != nil {
		t.Error(err)
	}
	ended(t, out, 200, "BYE", true)
	x.tells(t, "INVITE 100 407", "INVITE 100 0", "ACK desk 0", "BYE guest 0")
}

func TestPBXRefusals(t *testing.T) {
	t.Parallel()
	x := newExchange(t, &siptest.PhoneOptions{AnswerAfter: -1})
	for _, c := range []struct {
		password, to string
		status       int
	}{{"wrong", "100", 407}, {"secret", "200", 404}} {
		out, err := guest(t, c.password).Call(within(t), x.URI(c.to), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := out.WaitState(within(t), siptest.Ended); err != nil {
			t.Fatal(err)
		}
		if status, _, _ := out.Ended(); status != c.status {
			t.Errorf("a call to %s with %q ended with %d, want %d", c.to, c.password, status, c.status)
		}
	}
	out, err := guest(t, "secret").Call(within(t), x.URI("100"), nil)
	if err != nil {
		t.Fatal(err)
	}
	reach(t, siptest.Ringing, out)
	if err := out.Hangup(within(t)); err != nil { // CANCEL finds its INVITE
		t.Error(err)
	}
	in, err := x.desk.NextCall(within(t))
	if err != nil {
		t.Fatal(err)
	}
	ended(t, in, 487, "Request Terminated", true)
}

// TestPBXRegisters registers by hand, is called, and is forgotten.
func TestPBXRegisters(t *testing.T) {
	t.Parallel()
	x := newExchange(t, nil)
	caller := phone(t, &siptest.PhoneOptions{User: "guest", Network: "udp", Username: "guest", Password: "secret"})
	line := phone(t, &siptest.PhoneOptions{User: "line"})
	if got := register(t, x.URI("guest"), line.URI(), "3600", "wrong"); !strings.HasPrefix(got, "SIP/2.0 401 ") || x.Registered("guest") {
		t.Errorf("with a wrong password: %.20q, registered %t", got, x.Registered("guest"))
	}
	if got := register(t, x.URI("guest"), line.URI(), "3600", "secret"); !strings.HasPrefix(got, "SIP/2.0 200 ") ||
		!strings.Contains(got, "<"+line.URI()+">;expires=3600") || !x.Registered("guest") {
		t.Errorf("with the password: registered %t:\n%s", x.Registered("guest"), got)
	}
	out, err := caller.Call(within(t), x.URI("guest"), nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := line.NextCall(within(t))
	if err != nil {
		t.Fatal(err)
	}
	reach(t, siptest.Up, out, in)
	if got := register(t, x.URI("guest"), line.URI(), "0", "secret"); !strings.HasPrefix(got, "SIP/2.0 200 ") || x.Registered("guest") {
		t.Errorf("to be forgotten: %.20q, registered %t", got, x.Registered("guest"))
	}
}

// register sends a REGISTER, and again with what it is asked for. It returns the second answer.
func register(t *testing.T, aor, contact, expires, password string) string {
	t.Helper()
	host := aor[strings.Index(aor, "@")+1:]
	conn, err := net.Dial("udp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	buf, answer, more := make([]byte, 4096), "", ""
	for n := range 2 {
		text := fmt.Sprintf("REGISTER sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK-%d\r\nMax-Forwards: 70\r\nFrom: <%s>;tag=a\r\nTo: <%s>\r\n"+
			"Call-ID: r-%s-%s\r\nCSeq: %d REGISTER\r\nContact: <%s>\r\nExpires: %s\r\n%sContent-Length: 0\r\n\r\n",
			host, conn.LocalAddr(), n, aor, aor, expires, password, n+1, contact, expires, more)
		_ = conn.SetDeadline(time.Now().Add(patience))
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		size, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		answer = string(buf[:size])
		msg, err := sipmsg.NewParser().ParseSIP(buf[:size])
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range msg.GetHeaders("WWW-Authenticate") {
			challenge, err := digest.ParseChallenge(h.Value())
			if err != nil {
				t.Fatal(err)
			}
			cred, err := digest.Digest(challenge, digest.Options{Method: "REGISTER", URI: "sip:" + host, Username: "guest", Password: password})
			if err != nil {
				t.Fatal(err)
			}
			more = "Authorization: " + cred.String() + "\r\n"
		}
	}
	return answer
}
