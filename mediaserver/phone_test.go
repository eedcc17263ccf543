package mediaserver_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
	"github.com/alexacall/alexacall/mediaserver"
)

// A phone is a party of the stage. On the line it sounds its tone and listens.
type phone struct {
	s       *stage
	uri     string
	hz      float64
	answers bool              // a call that rings, at once
	rings   time.Duration     // before it answers
	refuses bridge.Cause      // at once, without ringing; Normal: does not
	headers map[string]string // of its calls
	leg     bridge.Leg        // its own end
	player  *audio.Player
	ctx     context.Context
	cancel  context.CancelFunc
	work    sync.WaitGroup

	mu  sync.Mutex
	pcm []int16 // heard lately, at 8 kHz
}

// line returns its leg; nil before its first call.
func (p *phone) line() bridge.Leg {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leg
}

// call calls the hotel.
func (p *phone) call() {
	near, far := bridge.Pipe(plan)
	from, to := bridge.Party{URI: p.uri}, bridge.Party{URI: "sip:100@hotel.example"}
	p.s.calls.Go(func() {
		_ = p.s.server.Handle(p.s.t.Context(), &named{Leg: near, from: from, to: to, headers: p.headers})
	})
	p.on(far)
}

// rung is a call to the phone.
func (p *phone) rung(l bridge.Leg) {
	p.on(l)
	p.work.Go(func() {
		if l.Ring(p.ctx, nil) != nil || !p.answers {
			return
		}
		select {
		case <-time.After(p.rings):
			_ = l.Answer(p.ctx, plan)
		case <-p.ctx.Done():
		}
	})
}

// on is when the phone has a leg.
func (p *phone) on(l bridge.Leg) {
	p.close()
	p.mu.Lock()
	p.leg = l
	p.mu.Unlock()
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if p.hz == 0 { // nobody listens
		return
	}
	stream := l.Media().Stream(media.Audio)
	player := audio.NewPlayer(p.s.server.Clock, stream, nil)
	p.player = player
	ctx := p.ctx
	p.work.Go(func() {
		_ = player.Play(ctx, audio.NewTones([]audio.Tone{{Hz: [2]float64{p.hz}}}, nil), nil)
	})
	r := stream.Reader()
	p.work.Go(func() { p.listen(r) })
	p.work.Go(func() {
		for info, err := l.Info(), error(nil); err == nil; {
			info, err = l.Next(ctx, info.Rev)
		}
		_ = r.Close()
		_ = player.Close()
	})
}

func (p *phone) listen(r *media.Reader) {
	decoder, err := codec.NewDecoder(media.PCMU(), nil)
	if err != nil {
		panic(err)
	}
	buf := make([]byte, 2048)
	for {
		var packet media.Packet
		switch err := r.Read(buf, &packet); {
		case err == media.ErrChanged: //nolint:errorlint // returned as it is
		case err != nil:
			return
		case packet.What == media.RTP && packet.Codec.Matches(media.PCMU()):
			p.mu.Lock()
			p.pcm, _ = decoder.Decode(p.pcm, packet.Payload)
			p.mu.Unlock()
		}
	}
}

func (p *phone) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pcm = nil
}

// promptHz are the tones of the files a, b, c ... of the shelf.
var promptHz = map[string]float64{"greeting.wav": 700, "music.wav": 900}

// heard returns whom it has heard since forget: the first letter of each phone, and of each prompt in capitals.
func (p *phone) heard() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := ""
	for _, name := range []string{"a", "b", "c", "d", "m"} {
		if q := p.s.phones["sip:"+name+"@hotel.example"]; q != nil && sound.Level(p.pcm, 8000, q.hz) > -30 {
			got += name
		}
	}
	for file, sign := range map[string]string{"greeting.wav": "G", "music.wav": "M"} {
		if sound.Level(p.pcm, 8000, promptHz[file]) > -30 {
			got += sign
		}
	}
	if sound.Level(p.pcm, 8000, 425) > -30 {
		got += "R" // ringback
	}
	return got
}

func (p *phone) press(keys string) {
	_ = p.player.Close()
	if err := audio.Dial(p.ctx, p.s.server.Clock, p.line().Media().Stream(media.Audio), keys, nil); err != nil {
		p.s.t.Errorf("pressing keys: %v", err)
	}
	player := audio.NewPlayer(p.s.server.Clock, p.line().Media().Stream(media.Audio), nil)
	p.player = player
	ctx := p.ctx
	p.work.Go(func() {
		_ = player.Play(ctx, audio.NewTones([]audio.Tone{{Hz: [2]float64{p.hz}}}, nil), nil)
	})
}

func (p *phone) hangup() {
	_ = p.line().Hangup(context.Background(), bridge.Normal)
}

func (p *phone) close() {
	if p.cancel != nil {
		if p.player != nil {
			_ = p.player.Close()
		}
		p.cancel()
		p.work.Wait()
	}
}

// shelf is a prompt store in memory. Its prompts are tones.
type shelf struct {
	mu    sync.Mutex
	files map[string][]byte
	fails error // of recordings
}

func newShelf() *shelf {
	s := &shelf{files: map[string][]byte{}}
	for name, hz := range promptHz {
		s.files[name] = audio.AppendWAV(nil, sound.Sine(8000, hz, 8000, time.Second), 8000)
	}
	return s
}

func (s *shelf) Open(_ context.Context, _, name string) (io.ReadSeekCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.files[name]; ok {
		return struct {
			io.ReadSeeker
			io.Closer
		}{bytes.NewReader(b), io.NopCloser(nil)}, nil
	}
	return nil, fs.ErrNotExist
}

func (s *shelf) Put(_ context.Context, _, name string, r io.Reader) error {
	b, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[name] = b
	return err
}

func (s *shelf) Remove(_ context.Context, _, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.files, name)
	return nil
}

func (s *shelf) Record(_ context.Context, _, name string) (mediaserver.Recording, error) {
	return &tape{shelf: s, name: name}, s.fails
}

// tape is a recording on the shelf.
type tape struct {
	shelf *shelf
	name  string
	b     []byte
}

func (r *tape) Write(p []byte) (int, error) { r.b = append(r.b, p...); return len(p), nil }

func (r *tape) WriteAt(p []byte, at int64) (int, error) { return copy(r.b[at:], p), nil }
func (r *tape) Close() error                            { return nil }
func (r *tape) Discard() error                          { return nil }

func (r *tape) Done() (string, error) {
	r.shelf.mu.Lock()
	defer r.shelf.mu.Unlock()
	r.shelf.files[r.name] = r.b
	return r.name, nil
}

// holds checks that a recording has these tones.
func (s *shelf) holds(t *testing.T, name string, tones ...float64) {
	t.Helper()
	source, err := audio.NewSource(bytes.NewReader(s.files[name]))
	if err != nil {
		t.Error(err)
		return
	}
	pcm := make([]int16, source.Rate()*3)
	for n := 0; n < len(pcm); {
		k, err := source.Read(pcm[n:])
		if err != nil {
			pcm = pcm[:n]
			break
		}
		n += k
	}
	for _, hz := range tones {
		if got := sound.Level(pcm, source.Rate(), hz); got < -30 {
			t.Errorf("%s has %v Hz at %.0f dB", name, hz, got)
		}
	}
}
