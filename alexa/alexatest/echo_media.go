package alexatest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// media is the media of one call of an Echo: pion/webrtc, or nothing but descriptions. Its methods are called in the order of an
// SDP negotiation, one at a time; heard, waitHeard, sendOnAccept and close at any time.
type media interface {
	offer(want wants) (string, error)        // the first offer, or a re-offer
	reconnect() error                        // has the next offer restart ICE
	answer(offer *remoteSDP) (string, error) // answers an offer or a re-offer
	accept(answer *remoteSDP) error          // takes the answer to the last offer
	rollback()                               // drops an offer that was not answered
	wanted() wants                           // what the device wants to do
	checkAnswer(answer *remoteSDP) error     // what is wrong with an answer, without taking it
	sendOnAccept()                           // the call is accepted: audio may leave
	press(context.Context, string) error     // sends keys
	heard() Recording                        // what has arrived
	waitHeard(context.Context, time.Duration) error
	close() error // joins its goroutines
}

// negotiation is what both kinds of media keep of the offers and answers of a call.
type negotiation struct {
	style OfferStyle
	rec   *recorder

	mu       sync.Mutex
	layout   layout
	want     wants     // what the device wants to do
	wantOld  wants     // the same before the offer that waits for an answer
	dir      direction // what it may do by the last answer, with sound
	offered  []payload // of the offer that waits for an answer, in all sections
	codec    payload   // what it sends
	events   payload   // with what it sends keys
	accepted bool
}

// wants is what a device wants to do with its sound and its camera.
type wants struct{ held, muted, covered bool }

func (w wants) audio() direction { return wanting(w.held, w.muted) }
func (w wants) video() direction { return wanting(w.held, w.covered) }

func wanting(held, silent bool) direction { return directionOf(!held && !silent, !held) }

// setUp prepares an offer. The layout is that of the call, or the given sections at the start: audio and perhaps video.
func (n *negotiation) setUp(want wants, first []section) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.want, n.wantOld = want, n.want
	if n.layout.sections == nil {
		n.layout = layout{sections: first, video: -1, bundled: true}
		if len(first) > 1 {
			n.layout.video = 1
		}
	}
}

// finishOffer turns the Echo's own SDP into the text of the offer and remembers what it offers.
func (n *negotiation) finishOffer(own string) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	text, err := place(own, n.layout, n.want.audio(), n.want.video())
	if err != nil {
		return "", err
	}
	r, err := readSDP(text, true)
	if err != nil {
		return "", fmt.Errorf("alexatest: own offer: %w", err)
	}
	n.layout = r.layout
	n.offered = append(r.payloads, r.pictures...)
	n.rec.learn(r.payloads)
	switch n.style {
	case OfferCaptured, OfferBundleVideo:
		return capturedStyle(text, n.style == OfferBundleVideo)
	default:
		return text, nil
	}
}

// takeOffer adopts the layout of an offer that came in.
func (n *negotiation) takeOffer(offer *remoteSDP) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.layout.sections != nil && len(offer.layout.sections) < len(n.layout.sections) {
		return fmt.Errorf("alexatest: the re-offer has fewer m-sections than the call")
	}
	n.layout = offer.layout
	return nil
}

// finishAnswer turns the Echo's own SDP into the text of the answer, and puts it in force.
func (n *negotiation) finishAnswer(own string, offer *remoteSDP) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	dir := n.want.audio().against(offer.dir)
	own, err := narrow(own, offer.audio.MediaName.Formats)
	if err != nil {
		return "", err
	}
	text, err := place(own, n.layout, dir, n.want.video().against(offer.videoDir))
	if err != nil {
		return "", err
	}
	r, err := readSDP(text, false)
	if err != nil {
		return "", fmt.Errorf("alexatest: own answer: %w", err)
	}
	n.agree(r.payloads, dir)
	return text, nil
}

func (n *negotiation) checkAnswer(answer *remoteSDP) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return answer.checkAnswer(n.layout, n.offered)
}

// takeAnswer puts the answer to our offer in force.
func (n *negotiation) takeAnswer(answer *remoteSDP) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.agree(answer.payloads, n.want.audio().against(answer.dir))
}

// agree keeps the outcome of a negotiation: the first audio codec of the answer is sent. n.mu is held.
func (n *negotiation) agree(payloads []payload, dir direction) {
	n.rec.learn(payloads)
	n.dir = dir
	n.codec, n.events = payload{}, payload{}
	if i := slices.IndexFunc(payloads, func(p payload) bool { return isSpeech(p.name) }); i >= 0 {
		n.codec = payloads[i]
	}
	if i := slices.IndexFunc(payloads, func(p payload) bool { return p.name == CodecTelephoneEvent }); i >= 0 {
		n.events = payloads[i]
	}
}

// forgetOffer goes back to what the device wanted before its offer.
func (n *negotiation) forgetOffer() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.want = n.wantOld
}

func (n *negotiation) sendOnAccept() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.accepted = true
}

// sending returns the codec to send in now; false when nothing may be sent.
func (n *negotiation) sending(early bool) (payload, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.codec, (n.accepted || early) && n.dir.sends() && n.codec.name != ""
}

// pressing returns the payload type that keys are sent with now; false when none can be. Their time is that of the codec's clock, which
// is 8000 Hz here for all but Opus.
func (n *negotiation) pressing() (uint8, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ok := n.accepted && n.dir.sends() && n.events.name != "" && n.codec.name != "" && n.codec.name != CodecOpus
	return n.events.pt, ok
}

func (n *negotiation) wanted() wants {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.want
}

func (n *negotiation) heard() Recording { return n.rec.recording() }
