package sip

import (
	"bytes"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
)

// TestResponseTag puts our tag into the To of a response, and leaves that of the request as it was. A tag of nothing is none, and does not
// stand beside ours.
func TestResponseTag(t *testing.T) {
	const to = "<sip:room@example.net>"
	for _, c := range [...]struct{ params, want string }{
		{"", ";tag=ours"}, {";tag", ";tag=ours"}, {";tag=", ";tag=ours"}, {";TAG=;x=y", ";x=y;tag=ours"}, {";x=y", ";x=y;tag=ours"}, {";tag=theirs", ";tag=theirs"},
	} {
		msg, err := newParser().ParseSIP([]byte(strings.Replace(allocInvite, to, to+c.params, 1)))
		req, ok := msg.(*sipmsg.Request)
		if err != nil || !ok {
			t.Fatalf("%s: %T, %v", c.params, msg, err)
		}
		before := req.To().Value()
		var text bytes.Buffer
		if err := encode(&text, (&serverTx{req: req}).build(response{status: 200, phrase: "OK", tag: "ours"})); err != nil {
			t.Fatalf("%s: %v", c.params, err)
		}
		if !strings.Contains(text.String(), "\r\nTo: "+to+c.want+"\r\n") {
			t.Errorf("To with %q, want %q:\n%s", c.params, c.want, text.String())
		}
		if got := req.To().Value(); got != before {
			t.Errorf("To of the request is %s, was %s", got, before)
		}
	}
}
