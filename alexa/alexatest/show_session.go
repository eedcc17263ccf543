package alexatest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Session is one talk of a Show with a device. It is made by [Show.Talk]; its methods are safe for concurrent use.
type Session struct {
	show     *Show
	id       string
	endpoint string
	ctx      context.Context // ends with the session
	cancel   context.CancelFunc
	media    showMedia
	over     chan struct{} // closed when the session has ended, and the skill was told if that is the Show's own doing
	once     sync.Once     // closes over

	mu            sync.Mutex
	offer, answer string
	took          time.Duration
	why           string        // how it ended
	telling       chan struct{} // closed when SessionDisconnected was answered; nil: it was not sent
	told          error
}

// showMedia is the media of one session.
type showMedia interface {
	offer() (string, error)
	accept(answer *showAnswer) error
	connected() <-chan struct{} // closed when media can flow
	left() <-chan struct{}      // closed when the far side has closed its media, or is gone
	farewell() Farewell
	heard() Recording
	waitHeard(ctx context.Context, d time.Duration) error
	seen() Video
	waitSeen(ctx context.Context, frames int) error
	close() error // joins its goroutines
}

// Farewell is what a far side has said when it closed its media.
type Farewell struct {
	Bye    bool // RTCP BYE (RFC 3550, section 6.6)
	Closed bool // DTLS close_notify (RFC 5246, section 7.2.1)
}

func newSession(s *Show, endpointID string) *Session {
	k := &Session{show: s, id: newUUID(), endpoint: endpointID, over: make(chan struct{})}
	k.ctx, k.cancel = context.WithCancel(s.account.home.ctx)
	return k
}

// ID returns the session's id in all messages, a UUID of version 4.
func (k *Session) ID() string { return k.id }

// EndpointID returns the device that is talked to.
func (k *Session) EndpointID() string { return k.endpoint }

// Offer returns the SDP of the offer.
func (k *Session) Offer() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.offer
}

// Answer returns the SDP of the answer.
func (k *Session) Answer() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.answer
}

// AnswerTime returns the time from the offer to its answer.
func (k *Session) AnswerTime() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.took
}

// Heard returns what the Show has heard so far. It stays available after the end.
func (k *Session) Heard() Recording { return k.media.heard() }

// WaitHeard returns when the Show has heard at least d of audio in this session, silence counted like any other. It returns [ErrEnded] when
// the session ends before, and the error of ctx when that ends.
func (k *Session) WaitHeard(ctx context.Context, d time.Duration) error {
	return k.media.waitHeard(ctx, d)
}

// Seen returns what the Show has seen so far. It stays available after the end.
func (k *Session) Seen() Video { return k.media.seen() }

// WaitSeen returns when the Show has shown at least that many frames in this session. It returns [ErrEnded] when the session ends before,
// and the error of ctx when that ends.
func (k *Session) WaitSeen(ctx context.Context, frames int) error {
	return k.media.waitSeen(ctx, frames)
}

// Farewell returns what the skill's side has said when it closed its media: nothing while it has not.
func (k *Session) Farewell() Farewell { return k.media.farewell() }

// Disconnect ends the session from the Show: it closes the media, sends SessionDisconnected and returns once that is answered. When the
// session has ended before, it only sends SessionDisconnected, if that was not sent yet.
func (k *Session) Disconnect(ctx context.Context) error {
	k.finish("disconnected")
	return k.bye(ctx)
}

// WaitEnd returns once the session has ended, with the reason: "disconnected", "media closed by the far side", "media lost", or "the home was
// closed". After the second and third the skill has been told by SessionDisconnected.
func (k *Session) WaitEnd(ctx context.Context) (string, error) {
	select {
	case <-k.over:
	case <-ctx.Done():
		return "", fmt.Errorf("alexatest: the session goes on: %w", ctx.Err())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.why, nil
}

// leave ends the session in the skill while its offer waits for an answer.
func (k *Session) leave(ctx context.Context) {
	timer := time.NewTimer(earlyAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
		_ = k.bye(ctx)
	case <-ctx.Done():
	case <-k.show.account.home.ctx.Done():
	}
}

// earlyAfter is how long after an offer HomeFaults.DisconnectEarly ends its session.
const earlyAfter = 100 * time.Millisecond

// connect brings the session up.
func (k *Session) connect(ctx context.Context, wrong HomeFaults) error {
	h := k.show.account.home
	if err := k.open(); err != nil {
		return err
	}
	text, err := k.media.offer()
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.offer = text
	k.mu.Unlock()
	var early sync.WaitGroup
	defer early.Wait()
	if wrong.DisconnectEarly {
		early.Go(func() { k.leave(ctx) })
	}
	d := k.show.account.directive(nsRTC, "InitiateSessionWithOffer", k.endpoint, offerPayload(k.id, text))
	e, took, err := h.exchange(ctx, d, answerLimit)
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.answer, k.took = e.sdp, took
	k.mu.Unlock()
	if wrong.DisconnectEarly {
		return ErrEnded
	}
	answer, faults, err := checkShowAnswer(text, e.sdp)
	for _, f := range faults {
		h.violate("answer to InitiateSessionWithOffer: %s", f)
	}
	if err != nil {
		return err
	}
	if err := k.media.accept(answer); err != nil {
		h.violate("answer to InitiateSessionWithOffer: the Echo does not take it: %v", err)
		return err
	}
	if err := k.up(ctx); err != nil {
		return err
	}
	if !wrong.NeverConnected {
		if err := k.show.tell(ctx, "SessionConnected", k.endpoint, k.id); err != nil {
			return err
		}
	}
	if !h.run(k.watch) {
		return ErrClosed
	}
	return nil
}

// open makes the media, and has the home end the session with itself.
func (k *Session) open() error {
	h := k.show.account.home
	var err error
	if k.media, err = k.show.newMedia(k.ctx); err != nil {
		return err
	}
	h.mu.Lock()
	closed := h.closed
	if !closed {
		h.sessions[k.id] = k
		h.wg.Go(func() { // the media's goroutines end with the session
			<-k.ctx.Done()
			_ = k.media.close()
		})
	}
	h.mu.Unlock()
	if closed {
		return errors.Join(ErrClosed, k.media.close())
	}
	return nil
}

// up waits until the media is connected.
func (k *Session) up(ctx context.Context) error {
	limit := k.show.opts.connectTimeout()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-k.media.connected():
		return nil
	case <-k.media.left():
		return errors.New("alexatest: the far side closed its media before it was connected")
	case <-timer.C:
		return fmt.Errorf("alexatest: the media is not connected after %v", limit)
	case <-ctx.Done():
		return fmt.Errorf("alexatest: the media is not connected: %w", ctx.Err())
	case <-k.ctx.Done():
		return ErrEnded
	}
}

// watch ends the session when the far side closes the media: there is no message for that, so the Show tells the skill what it has done.
func (k *Session) watch() {
	select {
	case <-k.ctx.Done():
		return
	case <-k.media.left():
	}
	why := "media lost"
	if f := k.media.farewell(); f.Bye || f.Closed {
		why = "media closed by the far side"
	}
	if k.end(why) {
		_ = k.bye(k.show.account.home.ctx)
	}
	k.once.Do(func() { close(k.over) })
}

// finish ends the session without a word.
func (k *Session) finish(why string) {
	k.end(why)
	k.once.Do(func() { close(k.over) })
}

// end is finish for those who have something to say yet; false when the session had ended before.
func (k *Session) end(why string) bool {
	k.mu.Lock()
	first := k.why == ""
	if first {
		k.why = why
	}
	k.mu.Unlock()
	k.cancel()
	h := k.show.account.home
	h.mu.Lock()
	delete(h.sessions, k.id)
	h.mu.Unlock()
	return first
}

// bye sends SessionDisconnected once, or twice where the faults want it. Who comes later waits for the same answer.
func (k *Session) bye(ctx context.Context) error {
	k.mu.Lock()
	telling, first := k.telling, k.telling == nil
	if first {
		telling = make(chan struct{})
		k.telling = telling
	}
	k.mu.Unlock()
	if !first {
		select {
		case <-telling:
			return k.told
		case <-ctx.Done():
			return fmt.Errorf("alexatest: %w", ctx.Err())
		}
	}
	defer close(telling)
	k.told = k.show.tell(ctx, "SessionDisconnected", k.endpoint, k.id)
	if k.told == nil && k.show.account.home.faultsNow().DisconnectTwice {
		k.told = k.show.tell(ctx, "SessionDisconnected", k.endpoint, k.id)
	}
	return k.told
}

// newMedia makes the media of one session, whose life is ctx.
func (s *Show) newMedia(ctx context.Context) (showMedia, error) {
	if s.opts.NoMedia {
		return newCannedShow(ctx, &s.opts), nil
	}
	return newShowPeer(ctx, &s.opts, s.play)
}
