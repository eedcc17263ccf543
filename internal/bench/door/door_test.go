// Package door measures how soon Alexa has the answer to an offer, from an Echo Show to a door phone and back.
package door

import (
	"bytes"
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/rtc"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

func TestMain(m *testing.M) { testutil.Leaks(m) }

// patience only ends what hangs.
const patience = 2 * time.Minute

// BenchmarkAnswer talks to a door, one talk after the other: signalling and media are real, on loopback, and the door phone answers at once.
// It reports how long the Echo Show waits for its answer, of which AnswerLimit is the documented bound; that is within a directive's time
// whatever the door does (package rtc).
func BenchmarkAnswer(b *testing.B) {
	b.Run("host", func(b *testing.B) { benchmarkAnswer(b, nil, "typ host") })
	b.Run("turn", func(b *testing.B) { benchmarkAnswer(b, []engine.TURNServer{coturn(b)}, "typ relay") })
}

func benchmarkAnswer(b *testing.B, turn []engine.TURNServer, candidate string) {
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	show, visitors := newHouse(b, turn)
	for answer := ""; !strings.Contains(answer, candidate); { // the first ones may come before the relay is there
		answer = talk(ctx, b, show, visitors).Answer()
	}
	times := make([]time.Duration, 0, b.N)
	for b.Loop() {
		s := talk(ctx, b, show, visitors)
		if !strings.Contains(s.Answer(), candidate) {
			b.Fatalf("an answer without %q", candidate)
		}
		times = append(times, s.AnswerTime())
	}
	slices.Sort(times)
	for name, q := range map[string]float64{"p50-ms": 0.50, "p99-ms": 0.99, "max-ms": 1} {
		at := times[min(int(q*float64(len(times))), len(times)-1)]
		b.ReportMetric(float64(at.Microseconds())/1000, name)
	}
}

// talk is one talk, from the offer until the door has hung up.
func talk(ctx context.Context, b *testing.B, show *alexatest.Show, visitors *siptest.Phone) *alexatest.Session {
	b.Helper()
	s, err := show.Talk(ctx, "front")
	must(b, err)
	visitor, err := visitors.NextCall(ctx)
	must(b, err)
	must(b, visitor.WaitState(ctx, siptest.Up))
	must(b, s.Disconnect(ctx))
	must(b, visitor.WaitState(ctx, siptest.Ended))
	return s
}

// newHouse opens a house with an Echo Show and a door phone with pictures.
func newHouse(b *testing.B, turn []engine.TURNServer) (*alexatest.Show, *siptest.Phone) {
	b.Helper()
	visitors, err := siptest.NewPhone(&siptest.PhoneOptions{User: "door", RingAfter: -1, Play: siptest.Tone(620), Video: &siptest.VideoOptions{}})
	must(b, err)
	b.Cleanup(func() { visitors.Close() })
	relays, err := engine.Listen("127.0.0.1:0", &engine.Options{TURN: turn})
	must(b, err)
	b.Cleanup(func() { relays.Close() })
	phones, err := sip.Listen("127.0.0.1:0", relays, &sip.Options{Policy: media.VideoPhone()})
	must(b, err)
	b.Cleanup(func() { phones.Close() })
	skill := &rtc.Skill{
		Endpoints: rtc.Endpoints{{ID: "front", FriendlyName: "Front door", Description: "Door phone", Manufacturer: "Example", URI: visitors.URI()}},
		Engine:    relays,
		Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			return bridge.To(phones, in.Info().To.URI, nil).Handle(ctx, in)
		}),
	}
	b.Cleanup(func() { must(b, skill.Drain(context.Background())) })
	home, err := alexatest.NewHome(&alexatest.HomeOptions{Handle: skill.HandleDirective})
	must(b, err)
	b.Cleanup(func() {
		home.Close()
		home.Report(b)
	})
	_, err = home.Discover(b.Context())
	must(b, err)
	show, err := home.NewShow(nil)
	must(b, err)
	return show, visitors
}

// coturn runs coturn until the benchmark ends.
func coturn(b *testing.B) engine.TURNServer {
	b.Helper()
	testutil.Need(b, "turnserver")
	const user, password = "echo", "a-pass-word-of-tests"
	dir, at := b.TempDir(), net.JoinHostPort("127.0.0.1", strconv.Itoa(testutil.FreePort(b)))
	_, port, _ := net.SplitHostPort(at)
	ctx, cancel := context.WithCancel(b.Context())
	cmd := exec.CommandContext(ctx, "turnserver", "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--listening-port="+port,
		"--lt-cred-mech", "--user="+user+":"+password, "--realm=test.invalid", "--no-dtls", "--no-tls", "--no-cli", "--allow-loopback-peers",
		"--fingerprint", "--log-file=stdout", "--pidfile="+filepath.Join(dir, "pid"), "--userdb="+filepath.Join(dir, "db"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	must(b, cmd.Start())
	b.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if b.Failed() {
			b.Logf("turnserver: %s", out.String())
		}
	})
	return engine.TURNServer{URL: "turn:" + at, Username: user, Password: password}
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
