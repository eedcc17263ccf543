package alexa_test

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// house is a skill with a real engine, and the simulated Alexa around it.
type house struct {
	cloud *alexatest.Cloud
	skill *alexa.Skill
}

func newHouse(t *testing.T, handler bridge.Bridge) *house {
	t.Helper()
	cloud, err := alexatest.NewCloud(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	tokens, err := lwa.NewSource(lwa.Credentials{
		ClientID: cloud.ClientID(), ClientSecret: cloud.ClientSecret(), RefreshToken: cloud.RefreshToken(),
	}, &lwa.Options{TokenURL: cloud.TokenURL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tokens.Close() })
	e, err := engine.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	h := &house{cloud: cloud}
	h.skill = &alexa.Skill{
		ID: cloud.SkillID(), Client: &alexa.Client{Endpoint: cloud.URL(), Tokens: tokens}, Engine: e, Bridge: handler,
		Roots: cloud.Roots(), DialContext: dialTo(cloud.ChainAddr()),
	}
	server := httptest.NewServer(h.skill)
	t.Cleanup(server.Close)
	cloud.SetSkillURL(server.URL)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := h.skill.Drain(ctx); err != nil {
			t.Error(err)
		}
		for _, v := range cloud.Violations() {
			t.Error("violation:", v)
		}
	})
	return h
}

// dialTo connects to one address, whatever it is asked for.
func dialTo(addr string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}
}

// loop sends back what it hears until the leg ends.
func loop(ctx context.Context, leg bridge.Leg) error {
	audio := leg.Media().Stream(media.Audio)
	r := audio.Reader()
	defer r.Close()
	go func() {
		info := leg.Info()
		for err := error(nil); err == nil; {
			info, err = leg.Next(ctx, info.Rev)
		}
		_ = r.Close()
	}()
	buf := make([]byte, 2048)
	for {
		var p media.Packet
		switch err := r.Read(buf, &p); {
		case err == nil:
			_ = audio.Write(&p)
		case errors.Is(err, media.ErrChanged):
		default:
			return nil
		}
	}
}

func g711() media.Plan {
	return media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMU()}}}
}

func TestDeviceCalls(t *testing.T) {
	h := newHouse(t, bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		if err := in.Ring(ctx, nil); err != nil {
			return err
		}
		if err := in.Answer(ctx, g711()); err != nil {
			return err
		}
		return loop(ctx, in)
	}))
	echo, err := h.cloud.NewEcho("room-101", &alexatest.EchoOptions{Play: alexatest.Tone(440)})
	if err != nil {
		t.Fatal(err)
	}
	call, err := echo.Call(t.Context(), "reception")
	if err != nil {
		t.Fatal(err)
	}
	if err := call.WaitHeard(t.Context(), 500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if share := call.Heard().ToneShare(440); share < 0.9 {
		t.Errorf("share of the tone: %.2f", share)
	}
	if err := call.Hangup(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestDeviceInWideSound has G.722 agreed with a device that has it, whoever calls, and sound in it pass both ways.
func TestDeviceInWideSound(t *testing.T) {
	wide := media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.G722(), media.PCMU()}}}
	h := newHouse(t, bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		if err := in.Answer(ctx, wide); err != nil {
			return err
		}
		return loop(ctx, in)
	}))
	echo, err := h.cloud.NewEcho("room-101", &alexatest.EchoOptions{Codecs: []string{"opus", "G722", "PCMU"}})
	must(t, err)
	heard := func(call *alexatest.Call) {
		t.Helper()
		must(t, call.WaitHeard(t.Context(), 200*time.Millisecond))
		if r := call.Heard(); r.Codec != alexatest.CodecG722 {
			t.Errorf("the device hears %s", r.Codec)
		}
	}
	call, err := echo.Call(t.Context(), "reception")
	must(t, err)
	heard(call)
	must(t, call.Hangup(t.Context()))

	leg, err := h.skill.Dial(t.Context(), "room-101", &bridge.DialOptions{Plan: wide})
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- loop(context.Background(), leg) }()
	call, err = echo.NextCall(t.Context())
	must(t, err)
	heard(call)
	must(t, leg.Hangup(t.Context(), bridge.Normal))
	must(t, <-done)
}

func TestDeviceIsCalled(t *testing.T) {
	h := newHouse(t, nil)
	echo, err := h.cloud.NewEcho("room-101", &alexatest.EchoOptions{Play: alexatest.Tone(440), AnswerAfter: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	leg, err := h.skill.Dial(t.Context(), "room-101", &bridge.DialOptions{Plan: g711()})
	if err != nil {
		t.Fatal(err)
	}
	info := leg.Info()
	for info.Phase < bridge.Up {
		if info, err = leg.Next(t.Context(), info.Rev); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() { done <- loop(context.Background(), leg) }()
	call, err := echo.NextCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := call.WaitHeard(t.Context(), 500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if share := call.Heard().ToneShare(440); share < 0.9 {
		t.Errorf("share of the tone: %.2f", share)
	}
	if err := leg.Hangup(t.Context(), bridge.Normal); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
