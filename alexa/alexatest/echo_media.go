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
	offer(want direction) (string, error)    // the first offer, or a re-offer
	answer(offer *remoteSDP) (string, error) // answers an offer or a re-offer
	accept(answer *remoteSDP) error          // takes the answer to the last offer
	rollback()                               // drops an offer that was not answered
	wanted() direction                       // what the device wants to do
	checkAnswer(answer *remoteSDP) error     // what is wrong with an answer, without taking it
	sendOnAccept()                           // the call is accepted: audio may leave
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
	want     direction // what the device wants to do
	wantOld  direction // the same before the offer that waits for an answer
	dir      direction // what it may do by the last answer
	offered  []payload // of the offer that waits for an answer
	codec    payload   // what it sends
	accepted bool
}

// setUp prepares an offer and returns its direction. The layout is that of the call, or one audio section at the start.
func (n *negotiation) setUp(want direction, mid string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.want, n.wantOld = want, n.want
	if n.layout.sections == nil {
		n.layout = layout{sections: []section{{kind: "audio", mid: mid}}, bundled: true}
	}
}

// finishOffer turns the Echo's own SDP into the text of the offer and remembers what it offers.
func (n *negotiation) finishOffer(own string) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	text, err := place(own, n.layout, n.want)
	if err != nil {
		return "", err
	}
	r, err := readSDP(text, true)
	if err != nil {
		return "", fmt.Errorf("alexatest: own offer: %w", err)
	}
	n.layout = r.layout
	n.offered = r.payloads
	n.rec.learn(r.payloads)
	if n.style == OfferCaptured {
		return capturedStyle(text)
	}
	return text, nil
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
	dir := n.want.against(offer.dir)
	own, err := narrow(own, offer.audio.MediaName.Formats)
	if err != nil {
		return "", err
	}
	text, err := place(own, n.layout, dir)
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
	n.agree(answer.payloads, n.want.against(answer.dir))
}

// agree keeps the outcome of a negotiation: the first audio codec of the answer is sent. n.mu is held.
func (n *negotiation) agree(payloads []payload, dir direction) {
	n.rec.learn(payloads)
	n.dir = dir
	n.codec = payload{}
	if i := slices.IndexFunc(payloads, func(p payload) bool { return isSpeech(p.name) }); i >= 0 {
		n.codec = payloads[i]
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

func (n *negotiation) wanted() direction {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.want
}

func (n *negotiation) heard() Recording { return n.rec.recording() }
