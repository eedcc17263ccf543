package alexatest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ShowOptions configures [Account.NewShow]. The zero value and nil are valid: an Echo Show that offers as captured ones do, is silent, and
// asks for what its network loses.
type ShowOptions struct {
	// NoMedia makes a Show that only signals: its SDP is well formed and leads nowhere, and whatever is answered counts as connected. It
	// opens no socket, so it can be used under testing/synctest.
	NoMedia bool

	// Play is what the Show sends as PCMU or PCMA; the zero value is silence. See Limitations about Opus.
	Play Source

	// ConstantPCMU has the Show send nothing but bytes 0xFF as PCMU, whatever Play says, as Echo Shows were seen to do in 2021.
	ConstantPCMU bool

	// Codecs are the audio codecs in the order of the offer: CodecOpus, CodecPCMU, CodecPCMA. Nil: those of the style.
	Codecs []string

	// AudioOnly offers no video, as an Echo Plus that talks to an intercom does.
	AudioOnly bool

	// Style is how the Show writes its offers.
	Style ShowStyle

	// LineFeeds ends the lines of offers with LF alone.
	LineFeeds bool

	// TCP has the Show's media run over TCP: its offers name TCP candidates alone, a listening one and the active ones.
	TCP bool

	// NoNACK has the Show not ask for lost packets of video.
	NoNACK bool

	// FIR has the Show ask for key frames by FIR (RFC 5104) in place of PLI.
	FIR bool

	// REMB is the rate in bit/s that the Show names once a second as the most that it can receive; 0: it does not.
	REMB uint64

	// Loss is the share of the received packets of video, repeated ones among them, that the Show's network loses: 0 to 0.5. Which of them
	// are lost follows from Seed and the number of packets before.
	Loss float64

	// Seed decides which packets Loss takes. 0 is a seed like any other.
	Seed uint64

	// ConnectTimeout is how long the media may take to connect after the answer; 0: 30 s.
	ConnectTimeout time.Duration
}

const defaultConnectTimeout = 30 * time.Second

func (o *ShowOptions) connectTimeout() time.Duration {
	if o.ConnectTimeout > 0 {
		return o.ConnectTimeout
	}
	return defaultConnectTimeout
}

// Show is a simulated Echo Show. It is made by [Account.NewShow] and lives as long as its home. Its methods are safe for concurrent use.
type Show struct {
	account *Account
	opts    ShowOptions
	play    *track
}

// NewShow adds a device to the account. Options may be nil. It fails when the WAV file cannot be read, or an option has an unknown value.
func (a *Account) NewShow(o *ShowOptions) (*Show, error) {
	if o == nil {
		o = &ShowOptions{}
	}
	s := &Show{account: a, opts: *o}
	if len(o.Codecs) == 0 {
		s.opts.Codecs = o.Style.codecs()
	}
	var err error
	if s.opts.Codecs, err = checkCodecs(s.opts.Codecs); err != nil {
		return nil, err
	}
	switch {
	case slices.Contains(s.opts.Codecs, CodecTelephoneEvent):
		return nil, errors.New("alexatest: an Echo Show has no telephone events")
	case slices.Contains(s.opts.Codecs, CodecG722):
		return nil, errors.New("alexatest: an Echo Show has no G.722 in its talks with doors")
	case o.Loss < 0 || o.Loss > 0.5:
		return nil, fmt.Errorf("alexatest: a loss of %g", o.Loss)
	case o.Style > ShowNumbered:
		return nil, fmt.Errorf("alexatest: unknown style %d", o.Style)
	case o.AudioOnly && o.Style == ShowBundleVideo:
		return nil, errors.New("alexatest: ShowBundleVideo with AudioOnly")
	}
	if s.play, err = o.Play.open(); err != nil {
		return nil, err
	}
	return s, nil
}

// Talk has the customer talk to a device: it sends InitiateSessionWithOffer, takes the answer, connects the media and sends
// SessionConnected. It returns once that is answered. An answer that does not come within six seconds, or that does not fit the offer, is a
// violation and an error; an ErrorResponse is returned as *[SkillError] and is no violation. ctx bounds Talk, not the session.
func (s *Show) Talk(ctx context.Context, endpointID string) (*Session, error) {
	h := s.account.home
	faults := h.faultsNow()
	if faults.DisconnectUnknown {
		if err := s.tell(ctx, "SessionDisconnected", endpointID, newUUID()); err != nil {
			return nil, err
		}
	}
	if faults.GarbageOffers {
		if err := s.offerGarbage(ctx, endpointID); err != nil {
			return nil, err
		}
	}
	k := newSession(s, endpointID)
	if err := k.connect(ctx, faults); err != nil {
		k.finish(err.Error())
		return nil, err
	}
	return k, nil
}

// Offer sends InitiateSessionWithOffer with any text as SDP, in a session of its own, and returns the answer. The six seconds and the schema
// hold as in [Show.Talk]; the SDP of the answer is not looked at, and nothing is connected.
func (s *Show) Offer(ctx context.Context, endpointID, sdp string) (answer string, err error) {
	d := s.account.directive(nsRTC, "InitiateSessionWithOffer", endpointID, offerPayload(newUUID(), sdp))
	e, _, err := s.account.home.exchange(ctx, d, answerLimit)
	if err != nil {
		return "", err
	}
	return e.sdp, nil
}

func offerPayload(session, sdp string) map[string]any {
	return map[string]any{"sessionId": session, "offer": map[string]any{"format": "SDP", "value": sdp}}
}

// offerGarbage sends offers that cannot be answered. An error is one that has nothing to do with them.
func (s *Show) offerGarbage(ctx context.Context, endpointID string) error {
	canned := newCannedShow(ctx, &s.opts)
	good := canned.said.text()
	bare := canned.said
	bare.ufrag, bare.pwd = "", ""
	for _, g := range []struct{ what, sdp string }{
		{"is no SDP", "v=0\r\no=- 0 0 IN IP4\r\nm=audio\r\na=rtpmap:\r\n\x00"},
		{"has no m-section", good[:strings.Index(good, "m=audio")]},
		{"has no credentials of ICE", bare.text()},
	} {
		_, err := s.Offer(ctx, endpointID, g.sdp)
		_, refused := errors.AsType[*SkillError](err)
		switch {
		case err == nil:
			s.account.home.violate("InitiateSessionWithOffer: an offer that %s was answered", g.what)
		case !refused:
			return err
		}
	}
	return nil
}

// tell sends SessionConnected or SessionDisconnected.
func (s *Show) tell(ctx context.Context, name, endpointID, sessionID string) error {
	h := s.account.home
	d := s.account.directive(nsRTC, name, endpointID, map[string]any{"sessionId": sessionID})
	_, _, err := h.exchange(ctx, d, syncLimit)
	if refused, ok := errors.AsType[*SkillError](err); ok {
		h.violate("%s: answered %s", name, refused.Type)
	}
	return err
}
