package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

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
	prompts, err := mediaserver.OpenFolder(dir)
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
	app := &attendant{}
	server := &mediaserver.Server{Application: app, Clock: clock, Domain: domain, Prompts: prompts, Logger: log}
	a, err := sip.Listen("127.0.0.1:0", e, &sip.Options{Network: "udp", MaxCalls: maxCalls, Bridge: server, Policy: voice(false), Logger: log})
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	server.Dialer = a
	fmt.Println(a.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var answer any
		answer, err = used(began)
		var to string
		var rooms, size int
		if n, _ := fmt.Sscanf(lines.Text(), "confer %s %d %d", &to, &rooms, &size); n == 3 {
			answer, err = confer(server, app, to, rooms, size, began)
		}
		if err != nil {
			return err
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

// record puts the prompt into the store: half a second of a tone, as WAV of 16 bit at 8 kHz.
func record(prompts *mediaserver.Folder) error {
	const samples = 4000
	pcm := make([]int16, samples)
	tone := audio.NewTones([]audio.Tone{{Hz: [2]float64{700}}}, nil)
	if _, err := tone.Read(pcm); err != nil {
		return err
	}
	return prompts.Put(context.Background(), domain, "prompt.wav", bytes.NewReader(audio.AppendWAV(nil, pcm, 8000)))
}

// An attendant is the application: an IVR for who calls, and conferences of those whom it calls.
type attendant struct {
	rooms sync.Map // *room, by the reference of its session
}

func (*attendant) NewCall(context.Context, *mediaserver.NewCall) (*mediaserver.Action, error) {
	return &mediaserver.Action{Kind: mediaserver.IVR}, nil
}

func (a *attendant) IVRCommand(_ context.Context, r *mediaserver.IVRRequest) (*mediaserver.Command, error) {
	if room := a.room(r.Reference); room != nil {
		return room.command(), nil
	}
	c := &mediaserver.Command{Digits: &mediaserver.Digits{Max: 1}}
	if r.Digits != nil {
		c.Phrases = []mediaserver.Phrase{{Format: mediaserver.PhraseFile, File: "prompt.wav"}}
	}
	return c, nil
}

func (a *attendant) CallEvent(_ context.Context, e *mediaserver.CallEvent) (*mediaserver.Action, error) {
	if room := a.room(e.Reference); room != nil {
		return room.event(e), nil
	}
	return &mediaserver.Action{Kind: mediaserver.Drop}, nil
}

func (a *attendant) Notify(_ context.Context, n *mediaserver.Notice) {
	if room := a.room(n.Reference); room != nil {
		room.told(n)
	}
}

// room returns the conference that a session is for; nil: none.
func (a *attendant) room(reference string) *room {
	r, _ := a.rooms.Load(reference)
	room, _ := r.(*room)
	return room
}
