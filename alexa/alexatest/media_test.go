package alexatest_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

func TestEchoCallsAndBothHear(t *testing.T) {
	for _, tt := range []struct {
		name   string
		codecs []string
		mime   string
		style  alexatest.OfferStyle
		early  bool
		strip  bool
	}{
		{"PCMU modern", nil, webrtc.MimeTypePCMU, alexatest.OfferModern, false, false},
		{"PCMA captured early", nil, webrtc.MimeTypePCMA, alexatest.OfferCaptured, true, false},
		{"PCMU captured with events", []string{"pcmu", "telephone-event"}, webrtc.MimeTypePCMU, alexatest.OfferCaptured, false, false},
		{"PCMU without ssrc lines", nil, webrtc.MimeTypePCMU, alexatest.OfferModern, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := testContext(t)
			cloud := newCloud(t, patient)
			echo := newEcho(t, cloud, "7201", &alexatest.EchoOptions{Play: alexatest.Tone(440), Codecs: tt.codecs, OfferStyle: tt.style})
			g := newGateway(t, cloud, tt.mime)
			g.early = tt.early
			if tt.strip {
				g.strip = withoutSSRC
			}
			defer g.end()
			call, err := echo.Call(ctx, "reception")
			must(t, err)
			must(t, call.WaitState(ctx, alexatest.StateConnected))
			bothHear(ctx, t, call, g, 440)
			must(t, call.Hangup(ctx))
			g.await(ctx, "CallEnded")
			if code, _ := call.Ended(); code != "SUCCESS" || call.State() != alexatest.StateEnded {
				t.Errorf("ended with %q in state %v", code, call.State())
			}
			noViolations(t, cloud)
		})
	}
}

var ssrcLine = regexp.MustCompile(`a=(ssrc|msid)[^\r]*\r\n`)

func withoutSSRC(sdp string) string { return ssrcLine.ReplaceAllString(sdp, "") }

func TestEchoIsCalledAndBothHear(t *testing.T) {
	for _, strip := range []bool{false, true} {
		t.Run(fmt.Sprintf("without ssrc lines %v", strip), func(t *testing.T) {
			ctx := testContext(t)
			cloud := newCloud(t, patient)
			echo := newEcho(t, cloud, "7201", &alexatest.EchoOptions{Play: alexatest.Tone(440), AnswerAfter: 50 * time.Millisecond})
			g := newGateway(t, cloud, webrtc.MimeTypePCMU)
			defer g.end()
			offer := g.peer.offer()
			if strip {
				offer = withoutSSRC(offer)
			}
			g.say(ctx, "InitiateInboundCall", "s-1", parties("7201"), sdpMember("OFFER", offer))
			call, err := echo.NextCall(ctx)
			must(t, err)
			if call.SessionID() != "s-1" || call.Caller() != "reception" || call.Callee() != "7201" {
				t.Errorf("call %s from %s to %s", call.SessionID(), call.Caller(), call.Callee())
			}
			must(t, call.WaitState(ctx, alexatest.StateConnected))
			bothHear(ctx, t, call, g, 440)
			g.say(ctx, "CallEnded", "s-1", endedMember)
			must(t, call.WaitState(ctx, alexatest.StateEnded))
			noViolations(t, cloud)
		})
	}
}

// TestUpdates holds and resumes in a call with media, from both sides, and looks at what passes.
func TestUpdates(t *testing.T) {
	ctx := testContext(t)
	cloud := newCloud(t, patient)
	echo := newEcho(t, cloud, "7201", &alexatest.EchoOptions{Play: alexatest.Tone(440), OfferStyle: alexatest.OfferCaptured})
	g := newGateway(t, cloud, webrtc.MimeTypePCMU)
	g.strip = withoutSSRC
	defer g.end()
	call, err := echo.Call(ctx, "reception")
	must(t, err)
	must(t, call.WaitState(ctx, alexatest.StateConnected))
	bothHear(ctx, t, call, g, 440)

	must(t, call.Update(ctx, alexatest.Hold))
	if !strings.Contains(call.LocalSDP(), "a=inactive") || !strings.Contains(call.RemoteSDP(), "a=inactive") {
		t.Errorf("hold without a=inactive")
	}
	quiet := len(g.peer.heard(ctx, 0))
	must(t, call.WaitHeard(ctx, call.Heard().Duration()+300*time.Millisecond)) // this gateway keeps sending
	if n := len(g.peer.heard(ctx, 0)); n > quiet+3*160 {
		t.Errorf("the Echo sent %d samples while it held", n-quiet)
	}
	must(t, call.Update(ctx, alexatest.Refresh))
	if !strings.Contains(call.LocalSDP(), "a=inactive") {
		t.Errorf("a refresh ended the hold")
	}
	must(t, call.Update(ctx, alexatest.Resume))
	quiet = len(g.peer.heard(ctx, 0))
	g.peer.heard(ctx, quiet+8000)

	// The gateway holds the device, and takes it back. pion cannot write such an offer, so its own is changed.
	for _, tt := range []struct{ kind, offered, answered string }{
		{"CALL_HOLD", "sendonly", "recvonly"}, {"CALL_HOLD", "inactive", "inactive"}, {"CALL_RESUME", "sendrecv", "sendrecv"},
	} {
		offer := directionLine.ReplaceAllString(g.strip(g.peer.offer()), "a="+tt.offered+"\r\n")
		g.say(ctx, "CallUpdate", call.SessionID(), `"renegotiationType":"`+tt.kind+`"`, sdpMember("OFFER", offer))
		g.await(ctx, "CallUpdateResponse")
		if !strings.Contains(call.LocalSDP(), "a="+tt.answered+"\r\n") {
			t.Errorf("offer %s is not answered %s", tt.offered, tt.answered)
		}
	}
	quiet = len(g.peer.heard(ctx, 0))
	heard := call.Heard().Duration()
	must(t, call.WaitHeard(ctx, heard+time.Second))
	g.peer.heard(ctx, quiet+8000)
	if share := call.Heard().ToneShare(1000); share < 0.95 {
		t.Errorf("the Echo heard %.3f of 1000 Hz after all updates", share)
	}
	must(t, call.Hangup(ctx))
	noViolations(t, cloud)
}

// TestICERestart has the gateway change its transport in mid-call, as after a loss of Wi-Fi.
func TestICERestart(t *testing.T) {
	ctx := testContext(t)
	cloud := newCloud(t, patient)
	echo := newEcho(t, cloud, "7201", &alexatest.EchoOptions{Play: alexatest.Tone(440)})
	g := newGateway(t, cloud, webrtc.MimeTypePCMU)
	defer g.end()
	call, err := echo.Call(ctx, "reception")
	must(t, err)
	must(t, call.WaitState(ctx, alexatest.StateConnected))
	bothHear(ctx, t, call, g, 440)
	before := call.LocalSDP()
	offer := g.peer.local(g.peer.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true}))
	g.say(ctx, "CallUpdate", call.SessionID(), `"renegotiationType":"CALL_UPDATE"`, sdpMember("OFFER", offer))
	g.await(ctx, "CallUpdateResponse")
	ufrag := regexp.MustCompile(`a=ice-ufrag:(\S+)`)
	if old, now := ufrag.FindString(before), ufrag.FindString(call.LocalSDP()); old == now || now == "" {
		t.Errorf("the device answers a restart with %q after %q", now, old)
	}
	heard, quiet := call.Heard().Duration(), len(g.peer.heard(ctx, 0))
	must(t, call.WaitHeard(ctx, heard+time.Second))
	g.peer.heard(ctx, quiet+8000)
	must(t, call.Hangup(ctx))
	noViolations(t, cloud)
}

// TestUpdateThatIsNotAnswered has the device take its offer back, and hold again.
func TestUpdateThatIsNotAnswered(t *testing.T) {
	ctx := testContext(t)
	cloud := newCloud(t, patient)
	echo := newEcho(t, cloud, "7201", &alexatest.EchoOptions{Play: alexatest.Tone(440)})
	g := newGateway(t, cloud, webrtc.MimeTypePCMU)
	defer g.end()
	call, err := echo.Call(ctx, "reception")
	must(t, err)
	must(t, call.WaitState(ctx, alexatest.StateConnected))
	bothHear(ctx, t, call, g, 440)
	g.deaf.Store(true)
	short, cancel := context.WithCancel(ctx)
	result := make(chan error)
	go func() { result <- call.Update(short, alexatest.Hold) }()
	g.await(ctx, "CallUpdate")
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("an update without an answer: %v", err)
	}
	g.deaf.Store(false)
	quiet := len(g.peer.heard(ctx, 0))
	g.peer.heard(ctx, quiet+4000) // what stood before stands on
	must(t, call.Update(ctx, alexatest.Hold))
	must(t, call.Update(ctx, alexatest.Resume))
	quiet = len(g.peer.heard(ctx, 0))
	g.peer.heard(ctx, quiet+4000)
	must(t, call.Hangup(ctx))
	noViolations(t, cloud)
}

// TestMediaBeforeAnswer looks at who sends between CallInProgress and CallAccepted.
func TestMediaBeforeAnswer(t *testing.T) {
	for _, early := range []bool{false, true} {
		t.Run(fmt.Sprint(early), func(t *testing.T) {
			ctx := testContext(t)
			cloud := newCloud(t, patient)
			echo := newEcho(t, cloud, "7201", &alexatest.EchoOptions{Play: alexatest.Tone(440), MediaBeforeAnswer: early})
			g := newGateway(t, cloud, webrtc.MimeTypePCMU)
			g.early, g.held = true, make(chan struct{})
			defer g.end()
			call, err := echo.Call(ctx, "reception")
			must(t, err)
			must(t, call.WaitHeard(ctx, 300*time.Millisecond)) // early media of the gateway
			if call.State() != alexatest.StateInProgress {
				t.Errorf("state %v", call.State())
			}
			if early {
				g.peer.heard(ctx, 160)
			} else if n := len(g.peer.heard(ctx, 0)); n != 0 {
				t.Errorf("the Echo sent %d samples before it was answered", n)
			}
			close(g.held)
			must(t, call.WaitState(ctx, alexatest.StateConnected))
			bothHear(ctx, t, call, g, 440)
			must(t, call.Hangup(ctx))
			noViolations(t, cloud)
		})
	}
}

// TestEndInEveryState ends calls with media in all states, and by closing the cloud; the leak check of TestMain judges.
func TestEndInEveryState(t *testing.T) {
	ctx := testContext(t)
	for _, state := range []alexatest.State{alexatest.StateRinging, alexatest.StateInProgress, alexatest.StateConnected} {
		for _, hangup := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v hangup %v", state, hangup), func(t *testing.T) {
				cloud := newCloud(t, patient)
				echo := newEcho(t, cloud, "7201", nil)
				g := newGateway(t, cloud, webrtc.MimeTypePCMU)
				g.early = true
				if state < alexatest.StateConnected {
					g.held = make(chan struct{})
				}
				call, err := echo.Call(ctx, "reception")
				must(t, err)
				must(t, call.WaitState(ctx, state))
				g.lenient.Store(true) // what the gateway still says finds an ended call, or nobody
				if hangup {
					must(t, call.Hangup(ctx))
					must(t, call.Hangup(ctx)) // again does nothing
				}
				cloud.Close()
				cloud.Close()
				if call.State() != alexatest.StateEnded {
					t.Errorf("state %v after Close", call.State())
				}
				if g.held != nil {
					close(g.held)
				}
				g.close()
				g.peer.close()
			})
		}
	}
}

// TestCodecWithdrawn has the gateway offer a codec at first and not again: the Echo's answer does not name it any more.
func TestCodecWithdrawn(t *testing.T) {
	ctx := testContext(t)
	cloud := newCloud(t, patient)
	echo := newEcho(t, cloud, "7201", &alexatest.EchoOptions{Play: alexatest.Tone(440)})
	g := newGateway(t, cloud, webrtc.MimeTypePCMU)
	defer g.end()
	offer := strings.Replace(g.peer.offer(), "SAVPF 0", "SAVPF 96 0", 1)
	offer = strings.Replace(offer, "a=rtpmap:0 PCMU/8000\r\n", "a=rtpmap:96 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\n", 1)
	g.say(ctx, "InitiateInboundCall", "s-1", parties("7201"), sdpMember("OFFER", offer))
	call, err := echo.NextCall(ctx)
	must(t, err)
	must(t, call.WaitState(ctx, alexatest.StateConnected))
	if !strings.Contains(call.LocalSDP(), "SAVPF 96 0") {
		t.Fatalf("Opus is not agreed:\n%s", call.LocalSDP())
	}
	g.say(ctx, "CallUpdate", "s-1", `"renegotiationType":"CALL_UPDATE"`, sdpMember("OFFER", g.peer.offer()))
	g.await(ctx, "CallUpdateResponse")
	if sdp := call.LocalSDP(); !strings.Contains(sdp, "SAVPF 0\r\n") || strings.Contains(sdp, ":96 ") {
		t.Errorf("an offer without Opus is answered\n%s", sdp)
	}
	g.say(ctx, "CallEnded", "s-1", endedMember)
	must(t, call.WaitState(ctx, alexatest.StateEnded))
	noViolations(t, cloud)
}
