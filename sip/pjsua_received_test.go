package sip_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// pjsuaScript is what a pjsua is told to do, the requests that it must send then, and what it gets for each.
type pjsuaScript struct {
	Args  string      `json:"pjsua_args"`
	Turns []pjsuaTurn `json:"transactions"`
	File  string      `json:"file"`
}

type pjsuaTurn struct {
	Status  int      `json:"resp_code"` // 0: none, for ACK
	Include []string `json:"include"`
	Exclude []string `json:"exclude"`
	Header  []string `json:"resp_hdr"`
	Body    string   `json:"resp_body"`
}

// pjsuaWay is what we do where pjsua has its script.
type pjsuaWay struct {
	turns  int      // after so many we have done; 0: after all
	leaves []int    // turns that are for a pjsua of another build
	words  []string // patterns that we do not fit, with the number of the turn before them
	fails  int      // the status that a registration fails with
	why    string   // of all that is another way than pjsua's: it is as good
	not    string   // why it is not run
}

// pjsuaWayTable has a row for each script.
var pjsuaWayTable = map[string]pjsuaWay{
	"100_simple.py":                                 {},
	"200_reg_good_enocredentiall.py":                {fails: 401},
	"201_reg_good_ok.py":                            {},
	"202_reg_good_ok_wildcard.py":                   {},
	"203_reg_good_empty_realm.py":                   {turns: 1, fails: 401, why: "a challenge has a realm and a nonce, RFC 7616 section 3.3"},
	"205_reg_good_no_realm.py":                      {fails: 401},
	"206_reg_good_efailedcredential.py":             {fails: 401},
	"208_reg_good_retry_nonce_ok.py":                {},
	"209a_reg_handle_423_ok.py":                     {turns: 1, fails: 423, why: "423 says what is enough, RFC 3261 section 21.4.17"},
	"209b_reg_handle_423_bad_min_expires1.py":       {fails: 423},
	"209c_reg_handle_423_bad_min_expires2.py":       {turns: 1, fails: 423, why: "likewise"},
	"215_reg_good_multi_ok.py":                      {leaves: []int{2}},
	"220_reg_good_ims_ok.py":                        {words: []string{"1 Authorization", "1 username", "1 realm"}, why: "nothing is proven before it is asked for, RFC 3261 section 22.2"},
	"230_reg_bad_fail_stale_true.py":                {turns: 3, fails: 401, why: "two tries, RFC 3261 section 22.2"},
	"231_reg_bad_fail_stale_false_nonce_changed.py": {turns: 3, fails: 401, why: "likewise"},
	"234_reg_bad_stale_ok.py":                       {turns: 2, fails: 401, why: "a nonce that is not stale means a wrong password, RFC 7616 section 3.3"},
	"235_reg_good_tel_uri_enocredential.py":         {not: "who registers has a SIP URI, RFC 3261 section 10.2"},
	"240_publish_scenarios.py":                      {not: "PUBLISH: no presence agent"},
	"300_timer_good.py":                             {words: []string{"1 Min-SE"}, why: "the least is what RFC 4028 section 4 says, and goes unsaid"},
	"301_timer_good_retry_after_422.py":             {},
	"400_inv_answered_with_less_media.py":           {why: "the second m-line is video: an offer of ours has one of each kind"},
}

// TestPjsuaScripts does what pjsua is told in its own scripts of several requests. Each has a row.
func TestPjsuaScripts(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testutil.Corpora(t), "sip", "pjsua-cases", "recvfrom.json"))
	if err != nil {
		t.Fatal(err)
	}
	var scripts []pjsuaScript
	if err := json.Unmarshal(text, &scripts); err != nil {
		t.Fatal(err)
	}
	ran, otherwise, not := 0, 0, map[string]string{}
	for _, s := range scripts {
		name := filepath.Base(s.File)
		way, ok := pjsuaWayTable[name]
		switch {
		case !ok:
			t.Errorf("%s has no row", name)
			continue
		case way.not != "":
			not[name] = way.not
			continue
		case way.why != "":
			otherwise++
		}
		ran++
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { s.play(t, way) })
		})
	}
	t.Logf("%d of %d scripts, in %d of them we have another way; not run: %v", ran, len(scripts), otherwise, not)
	if len(scripts) != len(pjsuaWayTable) {
		t.Errorf("%d scripts, and %d rows", len(scripts), len(pjsuaWayTable))
	}
}

// play registers or calls as pjsua is told, and is the far side.
func (s *pjsuaScript) play(t *testing.T, way pjsuaWay) {
	args := s.args()
	o := &sip.Options{}
	if seconds, err := strconv.Atoi(args["timer-se"]); err == nil {
		o.SessionExpires = time.Duration(seconds) * time.Second
	}
	if _, extra := args["extra-audio"]; extra {
		o.Policy = media.VideoPhone() // the second m-line that we can have
	}
	w := newWorld(t, o)
	called := args["registrar"] == ""
	var g *registering
	var d *attempt
	if called {
		d = w.dial(background, args["to"], nil)
	} else {
		ro := &sip.RegisterOptions{AOR: bridge.Party{URI: args["id"]}, Registrar: args["registrar"], Credentials: s.credentials()}
		if seconds, err := strconv.Atoi(args["reg-timeout"]); err == nil {
			ro.Expires = time.Duration(seconds) * time.Second
		}
		g = w.register(background, ro)
	}
	last := uint32(0)
	for n, turn := range s.Turns {
		if way.turns != 0 && n == way.turns {
			break
		}
		if slices.Contains(way.leaves, n+1) {
			continue
		}
		req := turn.take(t, w.peer, n+1, way)
		if no := req.CSeq().SeqNo; req.Method != sipmsg.ACK && no <= last {
			t.Errorf("request %d has number %d after %d", n+1, no, last)
		} else {
			last = no
		}
	}
	if called {
		s.finish(t, w, d)
		return
	}
	r := <-g.result
	if way.fails == 0 && r.err != nil || way.fails != 0 && !errors.Is(r.err, &sip.Error{Status: way.fails}) {
		t.Errorf("registering came to %v, want status %d", r.err, way.fails)
	}
	w.peer.silence(10 * time.Second)
}

// finish is the end of a call that was accepted: with sound and no more if there was an answer, at once if there was none.
func (s *pjsuaScript) finish(t *testing.T, w *world, d *attempt) {
	t.Helper()
	w.peer.request("ACK")
	if s.Turns[len(s.Turns)-1].Body == "" {
		w.peer.reply(w.peer.request("BYE"), 200, "", "")
		if err := d.wait().err; bridge.CauseOf(err) != bridge.Media {
			t.Errorf("a call without an answer came to %v", err)
		}
		return
	}
	l := d.leg()
	if plan := l.Media().Plan(); len(plan) != 1 || plan[0].Kind != media.Audio || plan[0].Dir != media.SendRecv {
		t.Errorf("agreed %s, want sound alone", plan)
	}
	hung := async(func() error { return l.Hangup(background, bridge.Normal) })
	w.peer.reply(w.peer.request("BYE"), 200, "", "")
	if err := <-hung; err != nil {
		t.Error(err)
	}
}

// take gets a request that fits the turn, and answers it.
func (u *pjsuaTurn) take(t *testing.T, p *peer, number int, way pjsuaWay) *sipmsg.Request {
	t.Helper()
	req, ok := p.receive(patience).(*sipmsg.Request)
	if !ok {
		t.Fatalf("no request %d", number)
	}
	got := strings.ReplaceAll(string(p.raw), "\r\n", "\n")
	for _, pattern := range u.Include {
		want := !slices.ContainsFunc(way.words, func(s string) bool { return strings.HasPrefix(fmt.Sprint(number, " ", pattern), s) })
		if regexp.MustCompile(pattern).MatchString(got) != want {
			t.Errorf("request %d: %q is in it: %t, want %t\n%s", number, pattern, !want, want, got)
		}
	}
	for _, pattern := range u.Exclude {
		if regexp.MustCompile(pattern).MatchString(got) {
			t.Errorf("request %d: %q in\n%s", number, pattern, got)
		}
	}
	if want := strings.Count(strings.Join(u.Include, " "), "m=audio"); want > strings.Count(got, "\nm=") {
		t.Errorf("request %d has not %d m-lines:\n%s", number, want, got)
	}
	if u.Status != 0 {
		header := slices.DeleteFunc(slices.Clone(u.Header), func(s string) bool { return strings.HasPrefix(strings.ToLower(s), "content-type:") })
		p.reply(req, u.Status, "far", strings.ReplaceAll(strings.TrimPrefix(u.Body, "\n"), "\n", "\r\n"), header...)
	}
	return req
}

// args returns the script's arguments by name, and whom it calls as "to".
func (s *pjsuaScript) args() map[string]string {
	args := map[string]string{}
	name := ""
	for word := range strings.FieldsSeq(strings.ReplaceAll(s.Args, "127.0.0.1:$PORT", peerAddr)) {
		switch {
		case strings.HasPrefix(word, "--"):
			var value string
			name, value, _ = strings.Cut(word[2:], "=")
			args[name] = value
		case strings.HasPrefix(word, "sip:") && name != "registrar" && name != "id":
			args["to"] = word
		default:
			args[name] = strings.Trim(word, `"`)
		}
	}
	return args
}

// credentials returns what the script has, for the realms that it names.
func (s *pjsuaScript) credentials() []sip.Credentials {
	var all []sip.Credentials
	for part := range strings.SplitSeq(s.Args, "--next-cred") {
		one := (&pjsuaScript{Args: part}).args()
		user := one["username"] + one["user"]
		if user == "" {
			continue
		}
		realm := one["realm"]
		if realm == "*" {
			realm = ""
		}
		all = append(all, sip.Credentials{Realm: realm, Username: user, Password: one["password"]})
	}
	return all
}
