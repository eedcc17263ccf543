package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
)

// errNoPrompt means that a digit was not answered.
var errNoPrompt = errors.New("ivr: no prompt after a digit")

// callers places sessions calls, which press digits for a while, and prints an empty line when all are up, and the outcome.
func callers(ctx context.Context, to string, sessions int, lasts time.Duration) error {
	e, err := engine.Listen("127.0.0.1:0", &engine.Options{MaxTerminals: sessions + 10, Ports: ports()})
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }()
	a, err := sip.Listen("127.0.0.1:0", e, &sip.Options{Network: "udp", Policy: voice(true), MaxCalls: sessions + 10})
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	clock := audio.NewClock(nil)
	defer clock.Close()
	var mu sync.Mutex
	var delays []time.Duration
	lost := 0
	var up, over sync.WaitGroup
	for range sessions {
		time.Sleep(10 * time.Millisecond) // 100 calls a second
		up.Add(1)
		over.Go(func() {
			got, err := caller(ctx, a, clock, "sip:ivr@"+to, lasts, sync.OnceFunc(up.Done))
			mu.Lock()
			defer mu.Unlock()
			delays = append(delays, got...)
			if err != nil {
				lost++
				fmt.Fprintln(os.Stderr, err)
			}
		})
	}
	up.Wait()
	fmt.Println("up")
	over.Wait()
	return json.NewEncoder(os.Stdout).Encode(outcomeOf(delays, lost))
}

// ports are the callers': each call has a pair of its own, as a phone does.
func ports() engine.PortRange { return engine.PortRange{First: 20000, Last: 29999} }

// voice is what all speak. A phone has ports of its own.
func voice(phone bool) *media.Policy {
	p := media.Phone()
	p.OwnPorts = phone
	p.Audio = []media.Codec{media.PCMU(), media.TelephoneEvent(8000)}
	return p
}

// caller is one call: it presses a digit, hears a prompt, waits, and presses the next one.
func caller(ctx context.Context, d bridge.Dialer, clock *audio.Clock, to string, lasts time.Duration, up func()) ([]time.Duration, error) {
	defer up()
	leg, err := d.Dial(ctx, to, nil)
	for info := (bridge.Info{}); err == nil && info.Phase != bridge.Up; {
		info, err = leg.Next(ctx, info.Rev)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = leg.Hangup(context.WithoutCancel(ctx), bridge.Normal) }()
	up()
	ear := listen(leg.Media().Stream(media.Audio))
	defer ear.close()
	until := time.Now().Add(lasts)
	var delays []time.Duration
	for time.Now().Before(until) {
		player := audio.NewPlayer(clock, ear.Stream, nil)
		time.Sleep(time.Second + rand.N(2*time.Second))
		_ = player.Close()
		ear.wait()
		if err := audio.Dial(ctx, clock, ear, "5", nil); err != nil {
			return delays, err
		}
		took, ok := ear.heard(time.Second)
		if !ok {
			return delays, errNoPrompt
		}
		delays = append(delays, took)
	}
	return delays, nil
}

// An ear listens to a stream for the sound that follows the first packet of a digit that is written to it.
type ear struct {
	media.Stream
	r    *media.Reader
	done chan struct{}

	mu      sync.Mutex
	pressed time.Time          // zero: not since wait
	told    bool               // how long it took
	took    chan time.Duration // of the last wait
}

func listen(s media.Stream) *ear {
	e := &ear{Stream: s, r: s.Reader(), done: make(chan struct{})}
	go e.run()
	return e
}

func (e *ear) run() {
	defer close(e.done)
	buf := make([]byte, 2048)
	d, err := codec.NewDecoder(media.PCMU(), nil)
	if err != nil {
		return
	}
	var pcm []int16
	for {
		var p media.Packet
		switch err := e.r.Read(buf, &p); {
		case errors.Is(err, media.ErrChanged):
			continue
		case err != nil:
			return
		}
		if pcm, err = d.Decode(pcm[:0], p.Payload); err != nil || p.What != media.RTP || !loud(pcm) {
			continue
		}
		e.mu.Lock()
		if !e.pressed.IsZero() && !e.told {
			e.took <- time.Since(e.pressed)
			e.told = true
		}
		e.mu.Unlock()
	}
}

// loud reports whether there is a prompt in a packet.
func loud(pcm []int16) bool {
	for _, v := range pcm {
		if v > 1000 {
			return true
		}
	}
	return false
}

// Write implements media.Stream, and sees the first packet of a digit.
func (e *ear) Write(p *media.Packet) error {
	e.mu.Lock()
	if p.What == media.Digit && e.pressed.IsZero() {
		e.pressed = time.Now()
	}
	e.mu.Unlock()
	return e.Stream.Write(p)
}

// wait begins to wait for a prompt.
func (e *ear) wait() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pressed, e.told, e.took = time.Time{}, false, make(chan time.Duration, 1)
}

// heard returns how long the prompt took.
func (e *ear) heard(atMost time.Duration) (time.Duration, bool) {
	late := time.NewTimer(atMost)
	defer late.Stop()
	e.mu.Lock()
	took := e.took
	e.mu.Unlock()
	select {
	case d := <-took:
		return d, true
	case <-late.C:
		return 0, false
	}
}

func (e *ear) close() {
	_ = e.r.Close()
	<-e.done
}
