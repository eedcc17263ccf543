package sip_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
)

// runSipp runs SIPp for one call.
func runSipp(ctx context.Context, dir, program string, args []string) error {
	cmd := exec.CommandContext(ctx, program, append(args, "-i", "127.0.0.1", "-m", "1", "-nostdin", "-trace_err", "-error_file", "errors.log")...)
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	if said, _ := os.ReadFile(filepath.Join(dir, "errors.log")); len(said) > 0 {
		text = said
	}
	return fmt.Errorf("sipp: %w\n%s", err, text[:min(len(text), 2000)])
}

// dial returns a step that calls SIPp, and waits for its first sign of life. SIPp may not be there yet.
func dial(o *bridge.DialOptions) step {
	return func(ctx context.Context, p *play) error {
		for {
			l, err := p.agent.Dial(ctx, p.to, o)
			if err == nil {
				p.leg, _ = l.(*sip.Leg)
				return nil
			}
			end, ok := errors.AsType[*bridge.EndError](err)
			if !ok || end.Remote || end.Cause != bridge.Unreachable {
				return err
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return err
			}
		}
	}
}

// call calls with an offer, bare without one.
func call(ctx context.Context, p *play) error { return dial(nil)(ctx, p) }

func bare(ctx context.Context, p *play) error {
	return dial(&bridge.DialOptions{Plan: media.Plan{}})(ctx, p)
}

// callFails calls, and is refused in this way.
func callFails(cause bridge.Cause, status int) step {
	return func(ctx context.Context, p *play) error {
		err := call(ctx, p)
		if err == nil {
			var end *bridge.EndError
			if end, err = p.end(ctx); err != nil {
				return err
			}
			err = end
		}
		if bridge.CauseOf(err) != cause || status != 0 && !errors.Is(err, &sip.Error{Status: status}) {
			return fmt.Errorf("the call ended with %w, want %s and %d", err, cause, status)
		}
		return nil
	}
}

// callUser calls a user of SIPp's by name.
func callUser(name string) step {
	return func(ctx context.Context, p *play) error {
		p.to = strings.Replace(p.to, "service@", name+"@", 1)
		return call(ctx, p)
	}
}

// bareFails calls without an offer, and is given none.
func bareFails(ctx context.Context, p *play) error {
	if err := bare(ctx, p); bridge.CauseOf(err) != bridge.Media {
		return fmt.Errorf("the call came to %w, want no media", err)
	}
	return nil
}

// knows gives our side a password for a realm.
func knows(realm string) func(*sip.Options) {
	return func(o *sip.Options) {
		o.Credentials = []sip.Credentials{{Realm: realm, Host: "127.0.0.1", Username: "sipp", Password: "sipp"}}
	}
}

// asks has our side ask who calls, of whom it knows one.
func asks(name, password string) func(*sip.Options) {
	return func(o *sip.Options) {
		o.Realm = "test"
		o.Users = func(user string) (sip.Secret, bool) { return sip.Password(password), user == name }
	}
}

// byUpdate has our side make its offers within a call by UPDATE, alwaysNotifies wants every transfer told of.
func byUpdate(o *sip.Options)       { o.OfferByUpdate = true }
func alwaysNotifies(o *sip.Options) { o.AlwaysNotify = true }

// takesMessages has our side take MESSAGE.
func takesMessages(o *sip.Options) {
	o.Message = func(context.Context, *sip.Message) error { return nil }
}

// g711 gives our side one codec in both its laws.
func g711(o *sip.Options) {
	o.Policy = &media.Policy{Name: "g711", Audio: []media.Codec{media.PCMU(), media.PCMA(), media.TelephoneEvent(8000)}}
}

// g722 gives our side the codecs in the order that Asterisk's scenarios have.
func g722(o *sip.Options) {
	o.Policy = &media.Policy{Name: "asterisk", Audio: []media.Codec{media.G722(), media.PCMU(), media.PCMA(), media.TelephoneEvent(8000)}}
}

// codecs gives our side these codecs and no others.
func codecs(sound []media.Codec, pictures ...media.Codec) func(*sip.Options) {
	return func(o *sip.Options) { o.Policy = &media.Policy{Name: "scenario", Audio: sound, Video: pictures} }
}

// h263 and amr are codecs of pjsua's that we pass on.
func h263() media.Codec { return media.Codec{Name: "H263-1998", ClockRate: 90000} }
func amr() media.Codec  { return media.Codec{Name: "AMR-WB", ClockRate: 16000, Channels: 1} }

// sdes gives our side the profile of phones with SRTP, of the one suite that the scenarios have.
func sdes(o *sip.Options) {
	o.Policy = media.Phone()
	o.Policy.Security, o.Policy.Suites = media.SDES, []media.Suite{media.AESCM80}
}

// dtls gives our side the profile of phones whose keys DTLS agrees on. SIPp has none, and the scenarios are over before that is missed.
func dtls(o *sip.Options) {
	o.Policy = media.Phone()
	o.Policy.Security, o.Policy.Mux = media.DTLS, true
}

// take waits for SIPp's call.
func take(ctx context.Context, p *play) error {
	select {
	case p.leg = <-p.in.legs:
		return nil
	case <-ctx.Done():
		return errors.New("no call came in")
	}
}

func ring(ctx context.Context, p *play) error   { return p.leg.Ring(ctx, nil) }
func answer(ctx context.Context, p *play) error { return p.leg.Answer(ctx, nil) }
func early(ctx context.Context, p *play) error  { return p.leg.Ring(ctx, p.plan(media.SendRecv)) }

// answerFails answers the call, whose media then comes to nothing: we end it.
func answerFails(ctx context.Context, p *play) error {
	if err := answer(ctx, p); bridge.CauseOf(err) != bridge.Media {
		return fmt.Errorf("the answer came to %w, want no media", err)
	}
	return nil
}

// hangup ends the call, or refuses it. What the far side says to that is for SIPp to say.
func hangup(ctx context.Context, p *play) error { return refuse(bridge.Normal)(ctx, p) }

func refuse(why bridge.Cause) step {
	return func(ctx context.Context, p *play) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		if err := p.leg.Hangup(ctx, why); err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}
}

// later lets half a second pass, as somebody who talks or listens does.
func later(ctx context.Context, _ *play) error {
	select {
	case <-time.After(500 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// up waits until the call is.
func up(ctx context.Context, p *play) error { return p.phase(ctx, bridge.Up) }

func (p *play) phase(ctx context.Context, phase bridge.Phase) error {
	for info := p.leg.Info(); info.Phase < phase; {
		var err error
		if info, err = p.leg.Next(ctx, info.Rev); err != nil {
			return fmt.Errorf("waiting for %s: %w", phase, err)
		}
	}
	return nil
}

// end waits for the end of the call.
func (p *play) end(ctx context.Context) (*bridge.EndError, error) {
	select {
	case <-p.leg.Context().Done():
		return p.leg.Ended(), nil
	case <-ctx.Done():
		return nil, errors.New("the call does not end")
	}
}

// ends waits until SIPp ends the call, for this cause.
func ends(cause bridge.Cause) step {
	return func(ctx context.Context, p *play) error {
		end, err := p.end(ctx)
		if err == nil && (end.Cause != cause || !end.Remote) {
			return fmt.Errorf("ended with %w, want %s from SIPp", end, cause)
		}
		return err
	}
}

// bye waits for BYE.
func bye(ctx context.Context, p *play) error { return ends(bridge.Normal)(ctx, p) }

// says offers SIPp this direction in a re-INVITE.
func says(d media.Direction) step {
	return func(ctx context.Context, p *play) error { return p.leg.Update(ctx, p.plan(d)) }
}

// saysNothing is says where SIPp accepts and leaves out the answer: what stood stands.
func saysNothing(d media.Direction) step {
	return func(ctx context.Context, p *play) error {
		if err := p.leg.Update(ctx, p.plan(d)); err == nil || ctx.Err() != nil || p.leg.Ended() != nil {
			return fmt.Errorf("the re-INVITE without an answer came to %w, and the call to %w", err, p.leg.Ended())
		}
		return nil
	}
}

// saysFails is says where SIPp refuses.
func saysFails(d media.Direction, status int) step {
	return func(ctx context.Context, p *play) error {
		err := p.leg.Update(ctx, p.plan(d))
		if !errors.Is(err, &sip.Error{Status: status}) {
			return fmt.Errorf("the re-INVITE came to %w, want %d", err, status)
		}
		return nil
	}
}

// plan is all that we have, in a direction.
func (p *play) plan(d media.Direction) media.Plan {
	plan := media.Phone().Plan()
	for i := range plan {
		plan[i].Dir = d
	}
	return plan
}

// offered waits for an offer of SIPp's within the call that says a direction, and answers it with what we have.
func offered(d media.Direction) step {
	return func(ctx context.Context, p *play) error {
		for info := p.leg.Info(); ; {
			if info.Phase == bridge.Up && info.Pending && len(info.Far) > 0 && info.Far[0].Dir == d {
				return p.leg.Answer(ctx, nil)
			}
			var err error
			if info, err = p.leg.Next(ctx, info.Rev); err != nil {
				return fmt.Errorf("waiting for an offer that says %s: %w", d, err)
			}
		}
	}
}

// acked waits for SIPp's ACK: nothing is offered before.
func acked(ctx context.Context, p *play) error { return p.leg.Update(ctx, nil) }

// refers asks SIPp to call somebody else, and does not wait for what comes of it.
func refers(ctx context.Context, p *play) error {
	return briefly(ctx, func(ctx context.Context) error { return p.leg.Refer(ctx, "sip:sales@example.com") })
}

// briefly asks SIPp for something whose end is not waited for.
func briefly(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	if err := ask(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("SIPp has said what came of it: %w", err)
	}
	return nil
}

// refersTo asks SIPp to take our place in another call of ours, and does not wait for what comes of it.
func refersTo(ctx context.Context, p *play) error {
	e, err := engine.Listen("127.0.0.1:0", &engine.Options{FirstMedia: -1}) // SIPp says nothing
	if err != nil {
		return err
	}
	other, err := sip.Listen("127.0.0.1:0", e, &sip.Options{Bridge: bridge.Func(answerAll)})
	if err != nil {
		return errors.Join(err, e.Close())
	}
	p.close = func() error { return errors.Join(other.Close(), e.Close()) }
	asked, err := p.agent.Dial(ctx, "sip:sales@"+other.Addr().String(), nil)
	if err != nil {
		return err
	}
	consult, _ := asked.(*sip.Leg)
	if err := (&play{leg: consult}).phase(ctx, bridge.Up); err != nil {
		return err
	}
	return briefly(ctx, func(ctx context.Context) error { return p.leg.ReferTo(ctx, consult) })
}

// transfers carries out that SIPp wants to be replaced, as far as SIPp can tell.
func transfers(ctx context.Context, p *play) error {
	for info := p.leg.Info(); ; {
		if info.Transfer != nil {
			err := later(ctx, p) // a call takes its time
			info.Transfer.Done(err)
			return err
		}
		var err error
		if info, err = p.leg.Next(ctx, info.Rev); err != nil {
			return fmt.Errorf("waiting for a transfer: %w", err)
		}
	}
}
