package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/sip"
)

// maxCalls is how many calls the server takes.
const maxCalls = 5000

// serve is the media server, until its input ends. Each line is answered: an empty one with what was used so far, "confer" with what came of that.
func serve() error {
	began := time.Now()
	dir, err := os.MkdirTemp("", "ivr")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	prompts, err := mediaserver.OpenFolder(dir, nil)
	if err != nil {
		return err
	}
	if err := record(prompts); err != nil {
		return err
	}
	e, err := engine.Listen("127.0.0.1:0", &engine.Options{MaxTerminals: maxCalls})
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }()
	clock := audio.NewClock(nil)
	defer clock.Close()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	app := &attendant{answered: map[string]chan mediaserver.Notice{}}
	server := &mediaserver.Server{Application: app, Clock: clock, Domain: domain, Prompts: prompts, Logger: log}
	app.server = server
	a, err := sip.Listen("127.0.0.1:0", e, &sip.Options{Network: "udp", MaxCalls: maxCalls, Bridge: server, Policy: phone(), Logger: log})
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	server.Dialer = a
	fmt.Println(a.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var answer any = used(began)
		var to string
		var rooms, size int
		if n, _ := fmt.Sscanf(lines.Text(), "confer %s %d %d", &to, &rooms, &size); n == 3 {
			answer = confer(server, app, to, rooms, size, began)
		}
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			return err
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_ = server.Drain(ended)
	return nil
}

const domain = "bench.example"

// record puts the prompt into the store: half a second of a tone.
func record(prompts *mediaserver.Folder) error {
	tone := audio.NewTones([]audio.Tone{{Hz: [2]float64{700}}}, &audio.TonesOptions{For: 500 * time.Millisecond})
	pcm := make([]int16, 4000)
	for n := 0; n < len(pcm); {
		k, err := tone.Read(pcm[n:])
		if err != nil {
			return err
		}
		n += k
	}
	return prompts.Put(context.Background(), domain, "prompt.wav", bytes.NewReader(wav(pcm)))
}

// An attendant is the application: an IVR for who calls, and conferences of those whom it calls.
type attendant struct {
	server *mediaserver.Server

	mu       sync.Mutex
	answered map[string]chan mediaserver.Notice // by SessionInfo.Reference: of conferences
	plans    sync.Map                           // *room, by the reference
}

func (*attendant) NewCall(context.Context, *mediaserver.NewCall) (*mediaserver.Action, error) {
	return &mediaserver.Action{Kind: mediaserver.IVR}, nil
}

func (a *attendant) IVRCommand(_ context.Context, r *mediaserver.IVRRequest) (*mediaserver.Command, error) {
	if _, ok := a.plans.Load(r.Reference); ok {
		return a.room(r.Reference).command()
	}
	c := &mediaserver.Command{Digits: &mediaserver.Digits{Max: 1}}
	if r.Digits != nil {
		c.Phrases = []mediaserver.Phrase{{Format: mediaserver.PhraseFile, File: "prompt.wav"}}
	}
	return c, nil
}

func (a *attendant) CallEvent(_ context.Context, e *mediaserver.CallEvent) (*mediaserver.Action, error) {
	if r := a.room(e.Reference); r != nil {
		return r.event(e)
	}
	return &mediaserver.Action{Kind: mediaserver.Drop}, nil
}

func (a *attendant) Notify(_ context.Context, n *mediaserver.Notice) {
	if r := a.room(n.Reference); r != nil {
		r.told(n)
	}
}

func (a *attendant) room(reference string) *room {
	if r, ok := a.plans.Load(reference); ok && reference != "" {
		return r.(*room) //nolint:forcetypeassert // nothing else is stored
	}
	return nil
}

var errNotConferring = errors.New("ivr: the conference was not made")

var _ bridge.Dialer = (*sip.Agent)(nil)
