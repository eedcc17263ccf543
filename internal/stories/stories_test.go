package stories

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// story is one call that users know.
type story struct {
	name, title string
	props       props
	play        func(*testing.T, *stage)
}

// TestStories plays every story and compares what was said with its golden file. Alexa's side is checked by alexatest besides.
func TestStories(t *testing.T) {
	for _, list := range [][]story{fromDevice(), toDevice(), changes()} {
		for _, s := range list {
			t.Run(s.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					st := newStage(t, s.props)
					s.play(t, st)
					text := st.transcript(s.title)
					st.close()
					want(t, s.name, text)
				})
			})
		}
	}
}

// fromDevice are calls that the device makes.
func fromDevice() []story {
	return []story{
		{"device_calls_answered", "The device calls the phone, which answers. Later the phone hangs up.", props{}, func(t *testing.T, s *stage) {
			call, leg := s.deviceTalks()
			must(t, leg.Hangup(t.Context(), bridge.Normal))
			s.over(call, leg)
		}},
		{"device_calls_busy", "The device calls the phone, which is busy.", props{}, func(t *testing.T, s *stage) {
			call, err := s.echo.Call(t.Context(), "desk")
			must(t, err)
			leg := s.phone.next(t)
			must(t, leg.Hangup(t.Context(), bridge.Busy))
			s.over(call, leg)
		}},
		{
			"device_calls_no_answer", "The device calls the phone, which rings until the gateway gives up.",
			props{join: bridge.JoinOptions{RingFor: 30 * time.Second}},
			func(_ *testing.T, s *stage) { s.over(s.deviceCalls()) },
		},
		{"device_calls_rejected", "The device calls the phone, which rings and rejects the call.", props{}, func(t *testing.T, s *stage) {
			call, leg := s.deviceCalls()
			must(t, leg.Hangup(t.Context(), bridge.Declined))
			s.over(call, leg)
		}},
		{"device_calls_cancelled", "The device calls the phone, and gives up while it rings.", props{}, func(t *testing.T, s *stage) {
			call, leg := s.deviceCalls()
			must(t, call.Hangup(t.Context()))
			s.over(call, leg)
		}},
		{"device_calls_early_media", "The device calls the phone, which plays something before it answers.", props{}, func(t *testing.T, s *stage) {
			call, leg := s.deviceCalls()
			sound := videoPhone().Plan()[:1]
			must(t, leg.Ring(t.Context(), sound))
			s.wantState(call, alexatest.StateInProgress)
			s.settle()
			must(t, leg.Answer(t.Context(), sound))
			s.wantState(call, alexatest.StateConnected)
			s.settle()
			must(t, call.Hangup(t.Context()))
			s.over(call, leg)
		}},
		{"device_calls_crossing", "The device calls the phone, and hangs up at the moment when it answers.", props{}, func(t *testing.T, s *stage) {
			call, leg := s.deviceCalls()
			go func() { _ = leg.Answer(t.Context(), nil) }()
			time.Sleep(sipTakes + postTakes/2) // CallAccepted is on its way
			must(t, call.Hangup(t.Context()))
			s.over(call, leg)
		}},
		{
			"device_calls_reoffer", "The device calls the phone, and offers what stands again as soon as it has answered.",
			props{cloud: alexatest.CloudOptions{Faults: alexatest.Faults{ReofferAfterAccept: true}}},
			func(t *testing.T, s *stage) {
				call, leg := s.deviceTalks()
				must(t, call.Hangup(t.Context()))
				s.over(call, leg)
			},
		},
	}
}

// toDevice are calls that the phone makes.
func toDevice() []story {
	return []story{
		{
			"phone_calls_answered", "The phone calls the device, which answers after five seconds. Later the device hangs up.",
			props{echo: alexatest.EchoOptions{AnswerAfter: 5 * time.Second}},
			func(t *testing.T, s *stage) {
				call, leg := s.phoneTalks()
				must(t, call.Hangup(t.Context()))
				s.over(call, leg)
			},
		},
		{
			"phone_calls_busy", "The phone calls the device, which is busy.",
			props{echo: alexatest.EchoOptions{Reject: "DEVICE_BUSY"}},
			func(_ *testing.T, s *stage) { s.refused() },
		},
		{
			"phone_calls_no_answer", "The phone calls the device, which rings until the gateway gives up.",
			props{echo: alexatest.EchoOptions{RingOnly: true}, join: bridge.JoinOptions{RingFor: 30 * time.Second}},
			func(_ *testing.T, s *stage) { s.over(s.phoneCalls()) },
		},
		{
			"phone_calls_rejected", "The phone calls the device, which rings, and whose user does not want the call.",
			props{echo: alexatest.EchoOptions{Reject: "SUCCESS", AnswerAfter: 5 * time.Second}},
			func(_ *testing.T, s *stage) { s.over(s.phoneCalls()) },
		},
		{
			"phone_calls_unauthorised", "The phone calls the device, which may not be called, as Amazon's page spells it.",
			props{echo: alexatest.EchoOptions{Reject: "UNAUTHORISED"}},
			func(_ *testing.T, s *stage) { s.refused() },
		},
		{
			"phone_calls_cancelled", "The phone calls the device, and gives up while it rings.",
			props{echo: alexatest.EchoOptions{RingOnly: true}},
			func(t *testing.T, s *stage) {
				call, leg := s.phoneCalls()
				must(t, leg.Hangup(t.Context(), bridge.Cancelled))
				s.over(call, leg)
			},
		},
		{
			"phone_calls_early_media", "The phone calls the device, which is heard before it answers.",
			props{echo: alexatest.EchoOptions{AnswerAfter: 10 * time.Second}},
			func(t *testing.T, s *stage) {
				call, leg := s.phoneCalls()
				s.wantState(call, alexatest.StateInProgress)
				s.settle()
				s.toAlexa.Only(t).Hear()
				s.wantState(call, alexatest.StateConnected)
				s.settle()
				must(t, leg.Hangup(t.Context(), bridge.Normal))
				s.over(call, leg)
			},
		},
		{
			"phone_calls_crossing", "The phone calls the device, and hangs up at the moment when it answers.",
			props{echo: alexatest.EchoOptions{AnswerAfter: 5 * time.Second}},
			func(t *testing.T, s *stage) {
				call, leg := s.phoneCalls()
				s.wantState(call, alexatest.StateConnected) // CallAccepted is on its way
				must(t, leg.Hangup(t.Context(), bridge.Cancelled))
				s.over(call, leg)
			},
		},
		{
			"phone_calls_reoffer", "The phone calls the device, which offers what stands again as soon as it has answered, and accepts twice.",
			props{cloud: alexatest.CloudOptions{Faults: alexatest.Faults{ReofferAfterAccept: true, AcceptTwice: true, BareAccept: true}}},
			func(t *testing.T, s *stage) {
				call, leg := s.phoneTalks()
				must(t, leg.Hangup(t.Context(), bridge.Normal))
				s.over(call, leg)
			},
		},
	}
}

// refused has the phone make a call that does not even ring.
func (s *stage) refused() {
	s.t.Helper()
	_, err := s.phone.agent.Dial(s.t.Context(), "sip:"+room+"@"+gatewayAddr, nil)
	s.phone.failed(err)
	s.settle()
}

// change is a story in a call that stands, of the device's or of the phone's.
func change(name, title string, p props, play func(*testing.T, *stage, *alexatest.Call, bridge.Leg)) []story {
	both := make([]story, 2)
	for i, called := range []bool{false, true} {
		by := []string{"_device_called", "_phone_called"}[i]
		both[i] = story{name + by, title, p, func(t *testing.T, s *stage) {
			talk := s.deviceTalks
			if called {
				talk = s.phoneTalks
			}
			call, leg := talk()
			play(t, s, call, leg)
			s.settle()
			must(t, leg.Hangup(t.Context(), bridge.Normal))
			s.over(call, leg)
		}}
	}
	return both
}

// changes are what happens in a call that stands.
func changes() (all []story) {
	says := func(list ...alexatest.Renegotiation) func(*testing.T, *stage, *alexatest.Call, bridge.Leg) {
		return func(t *testing.T, s *stage, call *alexatest.Call, _ bridge.Leg) {
			for _, r := range list {
				must(t, call.Update(t.Context(), r))
				s.settle()
			}
		}
	}
	camera := props{echo: alexatest.EchoOptions{Camera: true}}
	captured := props{echo: alexatest.EchoOptions{Camera: true, OfferStyle: alexatest.OfferBundleVideo}}
	add := func(s []story) { all = append(all, s...) }
	add(change("hold_by_device", "The device holds the call, and takes it back.", props{}, says(alexatest.Hold, alexatest.Resume)))
	add(change("hold_by_phone", "The phone holds the call, and takes it back.", props{}, holdByPhone))
	add(change("mute", "The device mutes itself, and speaks again.", props{}, says(alexatest.Mute, alexatest.Unmute)))
	add(change("camera", "The lid of the device's camera is closed, and opened.", camera, says(alexatest.CloseCamera, alexatest.OpenCamera)))
	add(change("camera_and_hold", "The lid of the device's camera is closed, and the phone holds the call and takes it back.", camera,
		func(t *testing.T, s *stage, call *alexatest.Call, leg bridge.Leg) {
			says(alexatest.CloseCamera)(t, s, call, leg)
			holdByPhone(t, s, call, leg)
		}))
	add(change("bundle_video", "The device's offers name its video alone as bundled.", captured, says(alexatest.Refresh)))
	add(change("network_lost", "The device loses its network, and comes back on another one.", props{}, says(alexatest.Reconnect)))
	add(change("token_expires", "The gateway's token runs out in mid-call.", props{},
		func(t *testing.T, s *stage, _ *alexatest.Call, leg bridge.Leg) {
			s.cloud.SetFaults(alexatest.Faults{TokenExpired: true})
			must(t, leg.Update(t.Context(), turned(leg, media.SendOnly)))
			s.settle()
			if n := s.cloud.TokenRequests("refresh_token"); n != 2 {
				t.Errorf("%d tokens were asked for, want 2", n)
			}
		}))
	add(change("duplicates", "Alexa says everything three times: as it was, and once more as new.",
		props{cloud: alexatest.CloudOptions{Faults: alexatest.Faults{DuplicateEvents: true, RepeatEvents: true}}}, says(alexatest.Mute)))
	return all
}

func holdByPhone(t *testing.T, s *stage, _ *alexatest.Call, leg bridge.Leg) {
	for _, d := range []media.Direction{media.SendOnly, media.SendRecv} {
		must(t, leg.Update(t.Context(), turned(leg, d)))
		s.settle()
	}
	synctest.Wait()
}
