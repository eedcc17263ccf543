package stories

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	process "github.com/alexacall/alexacall/internal/testutil/program"
)

// An operator gives the application in Node.js orders in one flow.
type operator struct {
	t   *testing.T
	h   *hotel
	url string
}

// nodeTable has the flows again, for an application that is no part of this project: what the parties do is here, what the application decides
// is in testdata/node.
var nodeTable = []struct {
	name string
	told string // the callbacks by their events, and how many of each
	play func(o *operator)
}{
	{"auto_attendant", "callAnswered:2 calledPartyDrop:1 callingPartyDrop:1 getIvrCommand:2 newCall:1 sessionCompleted:1", func(o *operator) {
		a := o.h.guest("a", 300, 0)
		o.h.guest("b", 500, 0)
		a.call()
		o.h.hears("a:G")
		a.press("2")
		o.h.hears("a:b b:a")
		a.hangup()
	}},
	{"recording", "callAnswered:1 callingPartyDrop:1 newCall:1 recordingReady:1 sessionCompleted:1", func(o *operator) {
		a := o.h.guest("a", 300, 0)
		o.h.guest("b", 500, 0)
		a.call()
		o.h.hears("a:b b:a")
		a.hangup()
		holds(o.t, o.order("fetch", nil), 300, 500)
	}},
	{"monitoring", "callAnswered:1 callingPartyDrop:1 monitorConnected:1 monitorDisconnected:1 newCall:1 sessionCompleted:1", func(o *operator) {
		a := o.h.guest("a", 300, 0)
		o.h.guest("b", 500, 0)
		m := o.h.guest("m", 1300, 0)
		a.call()
		o.h.hears("a:b b:a m:ab")
		m.hangup()
		o.h.hears("a:b b:a")
		a.hangup()
	}},
	{"attended_transfer", "callAnswered:4 calleeConnectionSplit:2 callerConnectionSplit:2 callingPartyDrop:1 getIvrCommand:1 newCall:1 sessionCompleted:1", func(o *operator) {
		a := o.h.guest("a", 300, 0)
		o.h.guest("b", 500, 0)
		o.h.guest("c", 1100, 0)
		music(o.h)
		a.call()
		o.h.hears("a:b b:a")
		o.order("consult", nil)
		o.h.hears("a:M b:c c:b")
		o.order("transfer", nil)
		o.h.hears("a:c c:a")
		a.hangup()
	}},
	{"conference", "callAnswered:3 calleeConnectionSplit:3 callerConnectionSplit:3 conferenceJoined:3 conferenceLeft:3 getIvrCommand:1 newCall:1 sessionCompleted:1", func(o *operator) {
		a := o.h.guest("a", 300, 0)
		b := o.h.guest("b", 500, 0)
		c := o.h.guest("c", 1100, 0)
		music(o.h)
		a.call()
		o.h.hears("a:b b:a")
		o.order("park", nil)
		o.h.hears("a:c b:M c:a")
		o.order("confer", nil)
		o.h.hears("a:bc b:ac c:ab")
		c.hangup()
		o.h.hears("a:b b:a")
		a.hangup()
		b.hangup()
	}},
	{"outbound", "callAnswered:2 callingPartyDrop:1 getIvrCommand:1 sessionCompleted:1", func(o *operator) {
		a := o.h.guest("a", 300, 0)
		o.h.guest("b", 500, time.Second)
		o.order("dial", nil)
		o.h.hears("a:R")
		o.h.hears("a:b b:a")
		a.hangup()
	}},
}

// TestInteropNode plays the flows with an application in Node.js, which verifies what it is told and signs what it asks for, over HTTP.
func TestInteropNode(t *testing.T) {
	testutil.Need(t, "node")
	private, err := x509.MarshalPKCS8PrivateKey(signingKey())
	must(t, err)
	public, err := x509.MarshalPKIXPublicKey(&signingKey().PublicKey)
	must(t, err)
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	application, err := filepath.Abs("testdata/node/application.js")
	must(t, err)
	node := process.Start(t, append(os.Environ(), "DOMAIN="+domain,
		"REQUEST_KEY="+text("PRIVATE KEY", private), "CALLBACK_KEY="+text("PUBLIC KEY", public)), "node", application)
	at := node.Await(t, `listening on (\S+)`)
	if at == nil {
		t.Fatal("it does not listen")
	}
	t.Run("flows", func(t *testing.T) { // returns when all are over
		for _, f := range nodeTable {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				o := &operator{t: t, url: at[1] + "/" + f.name}
				o.unsigned()
				o.h = newHotel(t, &hotelProps{app: o.url})
				server := httptest.NewServer(o.h.program.rest)
				defer server.Close()
				begin, err := json.Marshal(said{"rest": server.URL})
				must(t, err)
				o.order("begin", begin)
				f.play(o)
				if got := o.told(); got != f.told {
					t.Errorf("the application was told %s, want %s", got, f.told)
				}
				o.h.finish(f.name)
			})
		}
	})
}

// post sends something to the application.
func (o *operator) post(path string, body []byte) (int, []byte) {
	o.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := client.Post(o.url+path, "application/json", strings.NewReader(string(body)))
	must(o.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(o.t, err)
	return resp.StatusCode, b
}

// order has the application do something, and returns what came of it.
func (o *operator) order(name string, body []byte) []byte {
	o.t.Helper()
	status, b := o.post("/do/"+name, body)
	if status != http.StatusOK {
		o.t.Fatalf("%s: %d %s", name, status, b)
	}
	return b
}

// told returns the callbacks that the application has got, and how many of each.
func (o *operator) told() string {
	o.t.Helper()
	var came map[string]int
	must(o.t, json.Unmarshal(o.order("told", nil), &came))
	delete(came, "ringing") // nobody sees that of one who answers at once
	var all []string
	for _, name := range slices.Sorted(maps.Keys(came)) {
		all = append(all, fmt.Sprintf("%s:%d", name, came[name]))
	}
	return strings.Join(all, " ")
}

// unsigned sees to it that the application would notice what is not signed.
func (o *operator) unsigned() {
	o.t.Helper()
	if status, b := o.post("/newCall", []byte("{}")); status != http.StatusUnauthorized {
		o.t.Errorf("what is not signed: %d %s", status, b)
	}
}
