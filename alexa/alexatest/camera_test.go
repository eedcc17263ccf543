package alexatest_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// withPictures adds a section of H.264 to a canned description.
func withPictures(sdp, pt, dir string) string {
	return strings.Replace(sdp, "BUNDLE 0", "BUNDLE 0 1", 1) + strings.Join([]string{
		"m=video 9 UDP/TLS/RTP/SAVPF " + pt, "c=IN IP4 0.0.0.0", "a=mid:1", "a=rtpmap:" + pt + " H264/90000", "a=" + dir, "",
	}, "\r\n")
}

// TestCamera closes and opens the lid in a call with video.
func TestCamera(t *testing.T) {
	story(t, nil, &alexatest.EchoOptions{Camera: true}, func(t *testing.T, w *world) {
		w.mute("InitiateOutboundCall", "CallUpdate")
		call, err := w.echo.Call(t.Context(), "reception")
		must(t, err)
		w.say(t.Context(), "CallRinging", call.SessionID())
		answer := func(dir string) string {
			return sdpMember("ANSWER", withPictures(cannedSDP("active", "0", "0 8", "sendrecv"), "102", dir))
		}
		w.say(t.Context(), "CallAccepted", call.SessionID(), answer("sendrecv"))
		synctest.Wait()
		for _, tt := range []struct {
			change alexatest.Renegotiation
			want   []string
			ice    int
		}{
			{alexatest.CloseCamera, []string{"audio sendrecv opus PCMU PCMA", "video recvonly H264"}, 1},
			{alexatest.Hold, []string{"audio inactive opus PCMU PCMA", "video inactive H264"}, 1},
			{alexatest.Resume, []string{"audio sendrecv opus PCMU PCMA", "video recvonly H264"}, 1},
			{alexatest.OpenCamera, []string{"audio sendrecv opus PCMU PCMA", "video sendrecv H264"}, 1},
			{alexatest.Reconnect, []string{"audio sendrecv opus PCMU PCMA", "video sendrecv H264"}, 2},
		} {
			done := make(chan error)
			go func() { done <- call.Update(t.Context(), tt.change) }()
			synctest.Wait()
			all := w.cloud.Transcript()
			last := all[len(all)-1]
			if last.Type != "CallUpdate" || !slices.Equal(last.SDP, tt.want) || last.ICE != tt.ice {
				t.Errorf("change %d: %s, want %q, ICE %d", tt.change, last.Summary(), tt.want, tt.ice)
			}
			w.say(t.Context(), "CallUpdateResponse", call.SessionID(), `"renegotiationType":"`+last.Renegotiation+`"`, answer("inactive"))
			must(t, <-done)
		}
		noViolations(t, w.cloud)
	})
}

// TestBundleVideo reads an offer whose BUNDLE group names the video alone, and that has no parameters of H.264.
func TestBundleVideo(t *testing.T) {
	story(t, nil, &alexatest.EchoOptions{Camera: true, OfferStyle: alexatest.OfferBundleVideo}, func(t *testing.T, w *world) {
		w.mute("InitiateOutboundCall")
		call, err := w.echo.Call(t.Context(), "reception")
		must(t, err)
		offer := call.LocalSDP()
		for _, want := range []string{"a=group:BUNDLE video0\r\n", "a=mid:audio0\r\n", "a=mid:video0\r\n", "b=AS:2500\r\n", "a=rtpmap:99 H264/90000\r\n"} {
			if !strings.Contains(offer, want) {
				t.Errorf("no %q in\n%s", want, offer)
			}
		}
		if strings.Contains(offer, "a=fmtp:99") {
			t.Errorf("parameters of H.264 in\n%s", offer)
		}
	})
	cloud := newCloud(t, nil)
	defer cloud.Close()
	for _, o := range []alexatest.EchoOptions{{Camera: true}, {NoMedia: true, OfferStyle: alexatest.OfferBundleVideo}} {
		if _, err := cloud.NewEcho("7201", &o); err == nil {
			t.Errorf("an Echo with %+v", o)
		}
	}
}

// TestDialChain fetches a signing chain by a connection of the cloud's, in memory and over sockets.
func TestDialChain(t *testing.T) {
	fetch := func(t *testing.T, w *world) {
		t.Helper()
		c := &http.Client{Timeout: time.Minute, Transport: &http.Transport{
			DialContext: w.cloud.DialChain, TLSClientConfig: &tls.Config{RootCAs: w.cloud.Roots()},
		}}
		res, err := c.Get("https://s3.amazonaws.com/echo.api/none.pem")
		must(t, err)
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("status %d of a chain that is not there", res.StatusCode)
		}
		c.CloseIdleConnections()
	}
	story(t, nil, nil, fetch)
	cloud := newCloud(t, nil)
	fetch(t, &world{cloud: cloud})
	cloud.Close()
	if _, err := cloud.DialChain(t.Context(), "tcp", "s3.amazonaws.com:443"); err == nil {
		t.Error("a closed cloud is connected to")
	}
}

// told is a test that notes its errors.
type told struct {
	testing.TB
	errors int
}

func (t *told) Helper()               {}
func (t *told) Errorf(string, ...any) { t.errors++ }

func TestReport(t *testing.T) {
	story(t, nil, nil, func(t *testing.T, w *world) {
		none, two := &told{}, &told{}
		w.cloud.Report(none)
		for range 2 {
			w.post(t.Context(), `{"type":"Alexa.Comms.CallSignaling.CallRinging"}`)
		}
		w.cloud.Report(two)
		if none.errors != 0 || two.errors != 2 {
			t.Errorf("%d and %d errors, want 0 and 2", none.errors, two.errors)
		}
	})
}
