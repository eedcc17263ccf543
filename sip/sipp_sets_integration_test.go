package sip_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
)

const (
	sippAtOnce  = 12               // scenarios that run side by side: nearly all of their time is pauses
	sippPlayFor = 15 * time.Second // how long a scenario may take that runs in CI
	sippSoakFor = 90 * time.Second // likewise in make soak
)

// sippScenario is one scenario of SIPp's, and what it is to us.
type sippScenario struct {
	file string // below the folder of the corpora, or a pattern of path.Match; without a slash it is one that SIPp brings along
	act  []step // what our side does; nil: only what the agent does by itself
	why  reason // why it is not run; "" runs it

	long bool               // takes five seconds or more: in make soak only
	old  bool               // SIPp 3.8, which is what speaks TLS, cannot load it
	o    func(*sip.Options) // changes the options of our side
	args []string           // more for SIPp's command line
}

// reason is why a scenario is not run.
type reason string

const (
	notLoading   reason = "SIPp 3.6.1 cannot load or play it"
	needsFiles   reason = "plays or starts files that are not part of the set"
	needsRole    reason = "for a registrar, subscriber, presence agent or recorder: no role of a call leg"
	needsThird   reason = "one of several parts that talk to one another past us, or needs a third party"
	needsHost    reason = "tests the configuration or the dial plan of the program it was written for"
	needsHours   reason = "a load of minutes to hours: the same scenario runs at its normal length"
	broken       reason = "its messages are no SIP, if they are not sent to the program that it was written for"
	needsCodec   reason = "asks for a codec, or an order of codecs, that is not ours"
	lacksVideo   reason = "asks for video as the program it was written for has it: codecs, their numbers and order"
	lacksSecure  reason = "wants AVPF insisted on, or feedback (REMB) that is not carried"
	lacksSwitch  reason = "goes from keys in the description to those of DTLS, or back: a policy has one kind of them"
	lacksMessage reason = "wants MESSAGE of ours within a call: ours go outside"
	noNonce      reason = "its challenge has no nonce, which RFC 7616 section 3.3 asks for"
	ourWay       reason = "we answer in another way, as good by the RFC: the row says which"
)

// play is a scenario while it runs.
type play struct {
	agent *sip.Agent
	in    *incoming
	to    string // where SIPp is called, if it is
	port  string // SIPp's
	leg   *sip.Leg
	done  <-chan error // SIPp's end
	close func() error // ends what a step has made besides; nil: nothing
}

// step is something that our side does or waits for.
type step func(ctx context.Context, p *play) error

// TestInteropSippSets runs the scenarios of the corpora that take less than five seconds, over UDP and TCP.
func TestInteropSippSets(t *testing.T) {
	testutil.Need(t, "sipp")
	runSippSets(t, sippTurn{program: "sipp", networks: []string{"udp", "tcp"}})
}

// TestInteropSippSetsSoak runs those that take longer.
func TestInteropSippSetsSoak(t *testing.T) {
	if os.Getenv("ALEXACALL_SOAK") != "1" {
		t.Skip("a long test: set ALEXACALL_SOAK=1")
	}
	testutil.Need(t, "sipp")
	runSippSets(t, sippTurn{program: "sipp", networks: []string{"udp", "tcp"}, long: true})
}

// sippTurn is how the sets are played.
type sippTurn struct {
	program  string // SIPp
	networks []string
	long     bool
	security *sippTLS // for TLS
}

// sippSet is a set of the corpora, or a part of one.
type sippSet struct {
	name  string
	dirs  []string // every scenario below these has a row
	rows  []sippScenario
	floor int // of scenarios that are played, those of make soak included
}

// runSippSets runs all sets and prints their counts.
func runSippSets(t *testing.T, turn sippTurn) {
	root := filepath.Join(testutil.Corpora(t), "sipp")
	sem := make(chan struct{}, sippAtOnce)
	for _, set := range sippSets() {
		t.Run(set.name, func(t *testing.T) {
			t.Parallel()
			set.checkComplete(t, root)
			set.run(t, root, turn, sem)
		})
	}
}

// run plays what the set has for this run. Each scenario has to pass, and enough of them have to be there.
func (s *sippSet) run(t *testing.T, root string, turn sippTurn, sem chan struct{}) {
	whys, now, other := map[reason]int{}, 0, 0
	var work sync.WaitGroup
	var mu sync.Mutex
	failed := map[string][]string{}
	for _, row := range s.plays(root) {
		if row.why != "" {
			whys[row.why]++
			continue
		}
		networks := row.networks(root, turn.networks)
		if row.long != turn.long || len(networks) == 0 {
			other++
			continue
		}
		now++
		for _, network := range networks {
			work.Go(func() {
				sem <- struct{}{}
				defer func() { <-sem }()
				began := time.Now()
				err := row.play(t, root, network, turn)
				if took := time.Since(began); err == nil && !turn.long && took > 5*time.Second {
					t.Logf("%s %s: slow, %s", row.file, network, took.Round(time.Millisecond))
				}
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failed[row.file] = append(failed[row.file], fmt.Sprintf("%s over %s: %v", row.file, network, err))
				}
			})
		}
	}
	work.Wait()
	for _, why := range failed {
		t.Error(strings.Join(why, "\n"))
	}
	t.Logf("%s: %d of %d scenarios pass, %d more are played by other tests", s.name, now-len(failed), now, other)
	for why, n := range whys {
		t.Logf("%s: %d not run: %s", s.name, n, why)
	}
	if now+other < s.floor {
		t.Errorf("%s: %d scenarios are played, want %d at least", s.name, now+other, s.floor)
	}
}

// plays returns a row for each scenario.
func (s *sippSet) plays(root string) []sippScenario {
	var rows []sippScenario
	for _, row := range s.rows {
		for _, file := range row.matches(root) {
			row.file = file
			rows = append(rows, row)
		}
	}
	return rows
}

// checkComplete fails the test if a scenario has no row, or a row no scenario.
func (s *sippSet) checkComplete(t *testing.T, root string) {
	seen := map[string]int{}
	for _, row := range s.rows {
		found := row.matches(root)
		if len(found) == 0 {
			t.Errorf("%s: no such scenario", row.file)
		}
		for _, f := range found {
			seen[f]++
		}
	}
	for _, dir := range s.dirs {
		err := filepath.WalkDir(filepath.Join(root, dir), func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(file) != ".xml" {
				return err
			}
			name, err := filepath.Rel(root, file)
			if name = filepath.ToSlash(name); seen[name] != 1 {
				t.Errorf("%s is in %d rows, want 1", name, seen[name])
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// matches returns the scenarios that a row is for.
func (r *sippScenario) matches(root string) []string {
	if !strings.Contains(r.file, "/") {
		return []string{r.file}
	}
	found, _ := fs.Glob(os.DirFS(root), r.file)
	return found
}

// networks returns which of some networks the scenario is played over. One that writes a network into its Via can be played over that alone.
func (r *sippScenario) networks(root string, some []string) []string {
	if r.old {
		some = slices.DeleteFunc(slices.Clone(some), func(network string) bool { return network == "tls" })
	}
	if !strings.Contains(r.file, "/") {
		return some
	}
	text, _ := os.ReadFile(filepath.Join(root, filepath.FromSlash(r.file)))
	only := ""
	switch {
	case strings.Contains(string(text), "SIP/2.0/UDP") || unbounded(string(text)):
		only = "udp"
	case strings.Contains(string(text), "SIP/2.0/TCP"):
		only = "tcp"
	default:
		return some
	}
	if slices.Contains(some, only) {
		return []string{only}
	}
	return nil
}

// unbounded reports whether a scenario has messages without Content-Length, which cannot be told apart on a connection.
func unbounded(text string) bool {
	parts := strings.Split(text, "<![CDATA[")
	return slices.ContainsFunc(parts[1:], func(s string) bool {
		message, _, _ := strings.Cut(s, "]]>")
		return !strings.Contains(strings.ToLower(message), "content-length:") && !strings.Contains(message, "\nl:")
	})
}

// play runs SIPp and our side against each other. Both have to be content.
func (r *sippScenario) play(t *testing.T, root, network string, turn sippTurn) (err error) {
	limit := sippPlayFor
	if r.long {
		limit = sippSoakFor
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	e, err := engine.Listen("127.0.0.1:0", &engine.Options{FirstMedia: -1}) // SIPp says nothing
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	p := &play{in: newIncoming()}
	defer func() {
		if p.close != nil {
			err = errors.Join(err, p.close())
		}
	}()
	o := &sip.Options{Bridge: p.in}
	if r.o != nil {
		r.o(o)
	}
	args := append(slices.Clone(r.args), "-t", map[string]string{"udp": "u1", "tcp": "t1", "tls": "l1"}[network])
	if network == "tls" {
		args = append(args, turn.security.use(o)...)
	}
	if p.agent, err = sip.Listen("127.0.0.1:0", e, o); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, p.agent.Close())
		if left := e.Stats().Terminals; left != 0 {
			err = errors.Join(err, fmt.Errorf("%d terminals left", left))
		}
	}()
	if strings.Contains(r.file, "/") {
		args = append(args, "-sf", filepath.Join(root, filepath.FromSlash(r.file)))
	} else {
		args = append(args, "-sn", r.file)
	}
	p.port = freePort(t)
	p.to = "sip:service@127.0.0.1:" + p.port + ";transport=" + network
	at := p.agent.Addr()
	if network == "tls" {
		at = p.agent.TLSAddr()
	}
	args = append(args, "-p", p.port, at.String())
	done := make(chan error, 1)
	p.done = done
	dir := t.TempDir()
	go func() { done <- runSipp(ctx, dir, turn.program, args) }()
	for n, act := range r.act {
		if err := act(ctx, p); err != nil {
			cancel()
			return errors.Join(fmt.Errorf("our step %d: %w", n+1, err), <-done)
		}
	}
	if err := <-done; err != nil {
		return err
	}
	if n := p.agent.Stats().Panics; n != 0 {
		return fmt.Errorf("%d panics", n)
	}
	return nil
}

// sippSets returns the sets.
func sippSets() []sippSet {
	return []sippSet{
		{name: "bundled", dirs: []string{"sipp-bundled"}, rows: bundledRows(), floor: 3},
		{name: "siphon-ai", dirs: []string{"siphon-ai"}, rows: siphonRows(), floor: 32},
		{name: "pjsip", dirs: []string{"pjsip"}, rows: pjsipRows(), floor: 60},
		{name: "asterisk", dirs: asteriskDirs(), rows: asteriskRows(), floor: 78},
	}
}

// below returns rows with their folder put before their names.
func below(dir string, rows []sippScenario) []sippScenario {
	for i := range rows {
		rows[i].file = path.Join(dir, rows[i].file)
	}
	return rows
}
