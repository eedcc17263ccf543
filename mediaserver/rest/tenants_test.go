package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/rest"
)

// listener is an application that notes the last replyId of each kind of notice, and drops everybody.
type listener struct {
	mu   sync.Mutex
	last map[mediaserver.NoticeKind]mediaserver.Notice
}

func (l *listener) NewCall(context.Context, *mediaserver.NewCall) (*mediaserver.Action, error) {
	return &mediaserver.Action{Kind: mediaserver.Drop}, nil
}

func (l *listener) IVRCommand(context.Context, *mediaserver.IVRRequest) (*mediaserver.Command, error) {
	return &mediaserver.Command{After: time.Hour}, nil
}

func (l *listener) CallEvent(context.Context, *mediaserver.CallEvent) (*mediaserver.Action, error) {
	return &mediaserver.Action{Kind: mediaserver.Drop}, nil
}

func (l *listener) Notify(_ context.Context, n *mediaserver.Notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last[n.Kind] = *n
}

func (l *listener) notice(kind mediaserver.NoticeKind) mediaserver.Notice {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last[kind]
}

// answering is a network where everybody answers at once.
type answering struct{ plan media.Plan }

// Dial implements bridge.Dialer.
func (a answering) Dial(ctx context.Context, _ string, _ *bridge.DialOptions) (bridge.Leg, error) {
	near, far := bridge.Pipe(a.plan)
	return far, near.Answer(ctx, a.plan)
}

// TestTenants has a domain that knows the ids of another's call, with media servers that are no fakes. None of them is there for it; its own
// are, once each, with the replyId of the very thing.
func TestTenants(t *testing.T) {
	keys()
	synctest.Test(t, func(t *testing.T) {
		clock := audio.NewClock(&audio.ClockOptions{Workers: 1})
		defer clock.Close()
		plan := media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMU()}}}
		s, app := newStage(t), &listener{last: map[mediaserver.NoticeKind]mediaserver.Notice{}}
		servers := map[string]*mediaserver.Server{}
		for _, domain := range []string{ours, theirs} {
			servers[domain] = &mediaserver.Server{Application: app, Clock: clock, Dialer: answering{plan}, Domain: domain, Prompts: s.Prompts}
		}
		s.Calls = func(domain string) (rest.Calls, bool) { return servers[domain], servers[domain] != nil }

		var placed struct{ SessionID, ParticipantID, ReplyID string }
		resp := s.do(http.MethodPost, base+"placeivrcall", `{"destAddr":"sip:device@customer.example","sessionReferenceId":"campaign-7"}`)
		if err := json.Unmarshal([]byte(resp.body), &placed); err != nil || resp.status != http.StatusOK {
			t.Fatalf("%d %s: %v", resp.status, resp.body, err)
		}
		synctest.Wait()
		n := app.notice(mediaserver.Answered)
		if n.SessionID != placed.SessionID || n.CallerID != placed.ParticipantID || n.Reference != "campaign-7" {
			t.Fatalf("placed %+v, answered %+v", placed, n)
		}

		operations := func(reply string) []string {
			id := fmt.Sprintf(`"sessionId":%q,"connectionId":%q,"participantId":%q,"peerParticipantId":%q,"replyId":%q`,
				n.SessionID, n.ConnectionID, n.CallerID, n.CalleeID, reply)
			var all []string
			for _, op := range []string{"splitconnection", "connect", "createconferenceconnection", "hangupparticipant", "startrecording", "stoprecording"} {
				all = append(all, op+" {"+id+"}")
			}
			return all
		}
		token := "Bearer " + tokenOf(t, theirs)
		for _, op := range operations(n.ReplyID) {
			op, body, _ := strings.Cut(op, " ")
			got := s.doWith(http.MethodPost, strings.Replace(base, ours, theirs, 1)+op, body, "Authorization", token)
			expect(t, "another domain's "+op, got, 404, failed("no such session, participant or connection"))
		}
		for _, op := range operations(n.ReplyID[:len(n.ReplyID)-2] + "AA") {
			op, body, _ := strings.Cut(op, " ")
			expect(t, "forged: "+op, s.do(http.MethodPost, base+op, body), 409, failed("replyId forged, stale or of another thing"))
		}
		expect(t, "one's own", s.do(http.MethodPost, base+"hangupparticipant", fmt.Sprintf(`{"participantId":%q,"replyId":%q}`, n.CallerID, n.ReplyID)), 200, done)
		synctest.Wait()
		if app.notice(mediaserver.SessionCompleted).SessionID != placed.SessionID {
			t.Error("the session is not over")
		}
		for _, op := range operations(n.ReplyID) {
			op, body, _ := strings.Cut(op, " ")
			expect(t, "stale: "+op, s.do(http.MethodPost, base+op, body), 404, failed("no such session, participant or connection"))
		}
		for _, server := range servers {
			if err := server.Drain(t.Context()); err != nil {
				t.Error(err)
			}
		}
		expect(t, "after Drain", s.do(http.MethodPost, base+"placeivrcall", `{"destAddr":"a"}`), 503, failed("draining"))
	})
}
