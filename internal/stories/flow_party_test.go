package stories

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
	"github.com/alexacall/alexacall/mediaserver"
)

const soundRate = 8000

// signTable has what a party may hear that is none: the phrase that is spoken, the file that is played, and ringback (ITU-T E.180).
var signTable = []struct {
	sign string
	hz   float64
}{{"G", 700}, {"M", 900}, {"R", 425}}

const greetingHz, musicHz = 700, 900

// voice says everything as two seconds of a tone.
type voice struct{}

func (voice) Speak(context.Context, *mediaserver.Speech) ([]byte, error) {
	return audio.AppendWAV(nil, sound.Sine(soundRate, greetingHz, 8000, 2*time.Second), soundRate), nil
}

// A device is what a party calls with. What it sounds and hears is at the server's end of its call: there is no network for media.
type device interface {
	call() error                                                          // the hotel
	reach(ctx context.Context, o *bridge.DialOptions) (bridge.Leg, error) // is a call of the server's to it; it answers
	hangup() error
	over() bool // all calls have ended on its side
	close() error
}

// A party sounds a tone of its own while it is in a call, and listens.
type party struct {
	h       *hotel
	name    string
	hz      float64
	rings   time.Duration // before it answers
	device  device
	dialled atomic.Int64 // calls that the server has made to it
	changes int          // that the server may want of a call
	work    sync.WaitGroup

	mu     sync.Mutex
	stream media.Stream // at the far end of its call
	player *audio.Player
	pcm    []int16 // heard lately
}

func (p *party) uri() string { return "sip:" + p.name + "@" + domain }

// on is when a leg of the server's leads to the party.
func (p *party) on(l bridge.Leg) {
	stream := l.Media().(*calltest.Terminal).Peer.Stream(media.Audio)
	p.mu.Lock()
	p.stream = stream
	p.mu.Unlock()
	ears := stream.Reader()
	p.work.Go(func() { p.listen(ears) })
	p.work.Go(func() {
		talks := false
		for info, err := l.Info(), error(nil); err == nil; info, err = l.Next(context.Background(), info.Rev) {
			if !talks && info.Phase == bridge.Up {
				talks = true
				p.talk()
			}
		}
		_ = ears.Close()
		p.hush()
	})
}

// talk sounds the tone until hush.
func (p *party) talk() {
	p.mu.Lock()
	defer p.mu.Unlock()
	player := audio.NewPlayer(p.h.clock, p.stream, nil)
	p.player = player
	p.work.Go(func() {
		_ = player.Play(context.Background(), audio.NewTones([]audio.Tone{{Hz: [2]float64{p.hz}}}, nil), nil)
	})
}

func (p *party) hush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.player != nil {
		_ = p.player.Close()
	}
}

// press presses keys, which are telephone events (RFC 4733).
func (p *party) press(keys string) {
	p.hush()
	p.h.rec.add(p.name+" presses", keys)
	must(p.h.t, audio.Dial(p.h.t.Context(), p.h.clock, p.stream, keys, nil))
	p.talk()
}

func (p *party) listen(ears *media.Reader) {
	buf := make([]byte, 2048)
	for {
		var packet media.Packet
		switch err := ears.Read(buf, &packet); {
		case err == media.ErrChanged: //nolint:errorlint // returned as it is
		case err != nil:
			return
		case packet.What == media.RTP && packet.Codec != nil && !packet.Codec.IsDigits():
			p.hear(&packet)
		}
	}
}

func (p *party) hear(packet *media.Packet) {
	decoder, err := codec.NewDecoder(*packet.Codec, nil)
	if err != nil || decoder.Rate() != soundRate {
		p.h.t.Errorf("%s is sent %v", p.name, packet.Codec)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pcm, _ = decoder.Decode(p.pcm, packet.Payload)
}

func (p *party) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pcm = nil
}

// heard returns whom it has heard since forget.
func (p *party) heard() (all string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.h.parties {
		if sound.Level(p.pcm, soundRate, q.hz) > -30 {
			all += q.name
		}
	}
	for _, s := range signTable {
		if sound.Level(p.pcm, soundRate, s.hz) > -30 {
			all += s.sign
		}
	}
	return all
}

func (p *party) call() {
	p.h.t.Helper()
	must(p.h.t, p.device.call())
}

func (p *party) hangup() {
	p.h.t.Helper()
	must(p.h.t, p.device.hangup())
}

// check sees to it that the party is in no call.
func (p *party) check() {
	if !p.device.over() {
		p.h.t.Errorf("%s is still in a call", p.name)
	}
}
