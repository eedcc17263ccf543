// Command ivr measures the media server: sessions in which an IVR plays a prompt and waits for a digit, over and over, and conferences. The
// server has one core, whoever calls it the other; both are agents of package sip with real sockets.
//
// Last it prints the result: sessions that were lost, or heard no prompt after a digit; how long the answer to a digit took, from its first packet to
// the first packet of the prompt, which is up to 20 ms of the server's clock; and the server's processor time for a session and a member of a
// conference, of a core. It needs Linux and taskset.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/alexacall/alexacall/internal/bench/measured"
)

const (
	serverCore = "0"
	callerCore = "1"
)

func main() {
	sessions := flag.Int("sessions", 500, "IVR sessions at once")
	lasts := flag.Duration("for", time.Minute, "how long they last")
	part := flag.String("part", "", "be one of the programs: server, callers or members")
	to := flag.String("to", "", "address of the server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch *part {
	case "":
		err = measure(ctx, os.Stdout, *sessions, *lasts)
	case "server":
		err = serve()
	case "callers":
		err = callers(ctx, *to, *sessions, *lasts)
	case "members":
		err = members()
	default:
		err = fmt.Errorf("ivr: no program %q", *part)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

// measure measures the sessions and then conferences: one of 32, and a hundred of three.
func measure(ctx context.Context, w io.Writer, sessions int, lasts time.Duration) error {
	server, err := measured.StartSelf(ctx, []string{"taskset", "-c", serverCore}, "-part", "server")
	if err != nil {
		return err
	}
	defer server.Stop()
	calls, err := measured.StartSelf(ctx, []string{"taskset", "-c", callerCore}, "-part", "callers", "-to", server.Addr, "-sessions", fmt.Sprint(sessions), "-for", lasts.String())
	if err != nil {
		return err
	}
	var before, after usage
	if err := ask(server, "", &before); err != nil { // they are all there
		return err
	}
	var got outcome
	if err := hear(calls, &got); err != nil {
		return err
	}
	if err := ask(server, "", &after); err != nil {
		return err
	}
	calls.Stop()
	took := after.since(before)
	_, _ = fmt.Fprintf(w, "sessions: %d, prompts %d, processor %.0f %% of a core\n", sessions, got.Prompts, 100*took)
	phones, err := measured.StartSelf(ctx, []string{"taskset", "-c", callerCore}, "-part", "members")
	if err != nil {
		return err
	}
	defer phones.Stop()
	each := map[string]float64{}
	lost := got.Lost
	for _, c := range []struct {
		name           string
		rooms, members int
	}{{"one of 32", 1, 32}, {"100 of 3", 100, 3}} {
		var room conferred
		if err := ask(server, fmt.Sprintf("confer %s %d %d", phones.Addr, c.rooms, c.members), &room); err != nil {
			return err
		}
		each[c.name] = room.Share / float64(c.rooms*c.members)
		lost += room.Lost
		_, _ = fmt.Fprintf(w, "conferences, %s: lost %d, processor %.0f %% of a core\n", c.name, room.Lost, 100*room.Share)
	}
	_, err = fmt.Fprintf(w, "result sessions=%d lost=%d delay_ms p50=%.1f p99=%.1f p99.9=%.1f cpu_session=%.4f cpu_member_32=%.4f cpu_member_3=%.4f\n",
		sessions, lost, got.P50, got.P99, got.P999, took/float64(sessions), each["one of 32"], each["100 of 3"])
	return err
}
