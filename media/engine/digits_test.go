package engine_test

import (
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/alexacall/alexacall/media"
)

// keypad is a phone that sends and reads telephone events beside sound.
type keypad struct {
	*phone
	types map[string]uint8 // payload types by codec
}

func newKeypad(t testing.TB, term media.Terminal, codecs ...media.Codec) *keypad {
	t.Helper()
	k := &keypad{phone: newPhone(t), types: map[string]uint8{}}
	policy := media.Phone()
	policy.Audio = codecs
	n, offer, err := media.Negotiation{}.Offer(policy, media.Local{ID: 1, Addr: "127.0.0.1", Port: k.port(), RTCPPort: k.port() + 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := term.Answer(offer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err = n.Accept(policy, answer); err != nil {
		t.Fatal(err)
	}
	section := n.Sections()[0]
	k.to = section.Transport.Addr
	for _, f := range section.In {
		k.types[f.Codec.String()] = f.Number
	}
	return k
}

// push sends one packet in a codec.
func (k *keypad) push(codec media.Codec, marker bool, ts uint32, payload []byte) {
	k.t.Helper()
	number, ok := k.types[codec.String()]
	if !ok {
		k.t.Fatalf("%v is not agreed", codec)
	}
	p := rtp.Packet{Header: rtp.Header{Version: 2, Marker: marker, PayloadType: number, SequenceNumber: k.seq, Timestamp: ts, SSRC: k.ssrc}, Payload: payload}
	k.seq++
	b, err := p.Marshal()
	if err != nil {
		k.t.Fatal(err)
	}
	if _, err := k.conn.WriteToUDPAddrPort(b, k.to); err != nil {
		k.t.Fatal(err)
	}
}

// next waits for a packet in a codec.
func (k *keypad) next(codec media.Codec) *rtp.Packet {
	k.t.Helper()
	b := make([]byte, 2048)
	_ = k.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, _, err := k.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		k.t.Fatal(err)
	}
	p := new(rtp.Packet)
	if err := p.Unmarshal(b[:n]); err != nil {
		k.t.Fatal(err)
	}
	if want := k.types[codec.String()]; p.PayloadType != want {
		k.t.Fatalf("payload type %d, want %d for %v", p.PayloadType, want, codec)
	}
	return p
}

// tone is the payload of an RFC 4733 event.
func tone(key byte, end bool, duration uint16) []byte {
	b := []byte{key, 10, 0, 0}
	if end {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], duration)
	return b
}

// linked links two terminals, one way, whatever their codecs.
func linked(t testing.TB, from, to media.Terminal) {
	t.Helper()
	unlink, ok := from.Stream(media.Audio).(media.Linker).Link(to.Stream(media.Audio), nil)
	if !ok {
		t.Fatal("they cannot be linked")
	}
	t.Cleanup(unlink)
}

func TestDigitsAcrossClocks(t *testing.T) {
	narrow, wide := media.TelephoneEvent(8000), media.TelephoneEvent(48000)
	for _, c := range []struct {
		name     string
		from, to []media.Codec
		in, out  media.Codec
	}{
		{"one clock", []media.Codec{media.PCMU(), narrow}, []media.Codec{media.PCMU(), narrow}, narrow, narrow},
		{"up, no sound in common", []media.Codec{media.PCMU(), narrow}, []media.Codec{media.Opus(), wide}, narrow, wide},
		{"down, no sound in common", []media.Codec{media.Opus(), wide}, []media.Codec{media.PCMU(), narrow}, wide, narrow},
		{"down, beside sound", []media.Codec{media.Opus(), wide}, []media.Codec{media.Opus(), narrow}, wide, narrow},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := listen(t)
			ta, tb := open(t, e, media.Phone()), open(t, e, media.Phone())
			a, b := newKeypad(t, ta, c.from...), newKeypad(t, tb, c.to...)
			linked(t, ta, tb)
			common := c.from[0].Matches(c.to[0])
			var sound *rtp.Packet
			if common {
				a.push(c.from[0], false, 7000, []byte("sound"))
				sound = b.next(c.to[0])
			}
			var starts []uint32
			began := time.Now()
			for key := range byte(2) {
				at := uint32(7000 + 100_000*int(key))
				for i := range uint16(5) {
					d := (i + 1) * uint16(c.in.ClockRate/50)
					a.push(c.in, i == 0, at, tone(key, i == 4, d))
					p := b.next(c.out)
					if p.Marker != (i == 0) {
						t.Errorf("key %d, packet %d: marker %v", key, i, p.Marker)
					}
					want := tone(key, i == 4, uint16(int(d)*c.out.ClockRate/c.in.ClockRate))
					if string(p.Payload) != string(want) {
						t.Errorf("key %d, packet %d: got % x, want % x", key, i, p.Payload, want)
					}
					if i == 0 {
						starts = append(starts, p.Timestamp)
					}
					if p.Timestamp != starts[key] {
						t.Errorf("key %d, packet %d: time %d, began at %d", key, i, p.Timestamp, starts[key])
					}
				}
			}
			line := c.out.ClockRate // of the stream's time
			if common {
				line = c.to[0].ClockRate
			}
			most := uint32(time.Since(began).Seconds()*float64(line)) + 2
			switch d := starts[1] - starts[0]; {
			case c.in.ClockRate == line && d != 100_000:
				t.Errorf("the events are %d apart, want 100000 as at the source", d)
			case c.in.ClockRate != line && (d == 0 || d > most):
				t.Errorf("the events are %d apart, want up to %d as time has passed", d, most)
			}
			if common {
				a.push(c.from[0], false, 7000+960*20, []byte("sound"))
				if p := b.next(c.to[0]); p.Timestamp-sound.Timestamp != 960*20 || p.SequenceNumber != sound.SequenceNumber+11 {
					t.Errorf("sound goes on by %d in time and %d in number", p.Timestamp-sound.Timestamp, p.SequenceNumber-sound.SequenceNumber)
				}
			}
			if n := incoming(ta).Digits; n != 10 {
				t.Errorf("%d packets of digits are counted, want 10", n)
			}
		})
	}
}

// Digits that come by signalling reach readers and the other leg, as if they had arrived, and sound goes on between them.
func TestInject(t *testing.T) {
	e := listen(t)
	events := media.TelephoneEvent(8000)
	ta, tb := open(t, e, media.Phone()), open(t, e, media.Phone())
	a, b := newKeypad(t, ta, media.PCMU()), newKeypad(t, tb, media.PCMU(), events)
	linked(t, ta, tb)
	r := ta.Stream(media.Audio).Reader()
	defer r.Close()

	a.push(media.PCMU(), false, 5000, []byte("sound"))
	last := b.next(media.PCMU())
	heardFirst(t, r, "sound", true)
	for i := range 6 {
		event := tone(5, i == 5, uint16(160*(i+1)))
		ta.Inject(media.Audio, &media.Packet{What: media.Digit, Marker: i == 0, Codec: &events, Seq: uint16(i), Time: 77, Payload: event})
		heardFirst(t, r, string(event), true)
		p := b.next(events)
		if string(p.Payload) != string(event) || p.Marker != (i == 0) || p.SequenceNumber != last.SequenceNumber+1 {
			t.Errorf("packet %d: %v after number %d", i, p, last.SequenceNumber)
		}
		if i > 0 && p.Timestamp != last.Timestamp {
			t.Errorf("packet %d: time %d, began at %d", i, p.Timestamp, last.Timestamp)
		}
		start := p.Timestamp

		a.push(media.PCMU(), false, 5000+uint32(i+1)*160, []byte("sound"))
		heardFirst(t, r, "sound", true)
		s := b.next(media.PCMU())
		if s.SequenceNumber != p.SequenceNumber+1 || int32(s.Timestamp-start) <= 0 {
			t.Errorf("sound after packet %d: number %d after %d, time %d, the event's is %d", i, s.SequenceNumber, p.SequenceNumber, s.Timestamp, start)
		}
		last = &rtp.Packet{Header: rtp.Header{SequenceNumber: s.SequenceNumber, Timestamp: start}}
	}
	a.push(media.PCMU(), false, 9000, []byte("sound"))
	heardFirst(t, r, "sound", false)
	if n := incoming(ta).Packets; n != 8 {
		t.Errorf("%d packets have arrived, want those of sound alone", n)
	}
}

// A leg that has not agreed to telephone events hands them to its signalling.
func TestDigitsBySignalling(t *testing.T) {
	e := listen(t)
	var mu sync.Mutex
	var got []string
	ta := open(t, e, media.Phone())
	tb, err := e.Open(media.Phone(), &media.OpenOptions{Digits: func(p media.Packet) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, string(p.Payload))
		if p.What != media.Digit || *p.Codec != media.TelephoneEvent(8000) {
			t.Errorf("got %+v", p)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	events := media.TelephoneEvent(8000)
	a, b := newKeypad(t, ta, media.PCMU(), events), newKeypad(t, tb, media.PCMU())
	linked(t, ta, tb)
	a.push(media.PCMU(), false, 0, []byte("sound"))
	first := b.next(media.PCMU())
	want := []string{string(tone(1, false, 160)), string(tone(1, true, 320)), string(tone(2, true, 160))}
	for i, event := range want {
		a.push(events, i == 0, 160, []byte(event))
	}
	a.push(media.PCMU(), false, 160, []byte("sound"))
	if p := b.next(media.PCMU()); p.Timestamp-first.Timestamp != 160 {
		t.Errorf("sound goes on by %d", p.Timestamp-first.Timestamp)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDigitsForNobody writes digits to a leg that takes them in no way: the writer is told, and sound goes on as if they had not been.
func TestDigitsForNobody(t *testing.T) {
	e := listen(t)
	tb := open(t, e, media.Phone())
	b := newKeypad(t, tb, media.PCMU())
	events, sound := media.TelephoneEvent(8000), media.PCMU()
	write := func(p media.Packet) error { return tb.Stream(media.Audio).Write(&p) }
	if err := write(media.Packet{Start: true, Codec: &sound, Time: 1000, Payload: []byte("sound")}); err != nil {
		t.Fatal(err)
	}
	first := b.next(sound)
	for i := range uint16(3) {
		err := write(media.Packet{What: media.Digit, Codec: &events, Seq: 1 + i, Time: 1160, Payload: tone(1, i > 0, 160)})
		if !errors.Is(err, media.ErrNoCommonCodec) {
			t.Errorf("packet %d: %v", i, err)
		}
	}
	if err := write(media.Packet{Codec: &sound, Seq: 4, Time: 1160, Payload: []byte("sound")}); err != nil {
		t.Fatal(err)
	}
	if p := b.next(sound); p.Timestamp-first.Timestamp != 160 || p.SequenceNumber-first.SequenceNumber != 4 {
		t.Errorf("sound goes on by %d in time and %d in number, want 160 and 4", p.Timestamp-first.Timestamp, p.SequenceNumber-first.SequenceNumber)
	}
}

// TestDigitsFirst writes digits before any sound: they go at the clock of the sound that would be.
func TestDigitsFirst(t *testing.T) {
	e := listen(t)
	tb := open(t, e, media.Phone())
	wide := media.TelephoneEvent(48000)
	b := newKeypad(t, tb, media.Opus(), media.PCMU(), media.TelephoneEvent(8000), wide)
	r := tb.Stream(media.Audio).Reader()
	defer r.Close()
	if err := tb.Stream(media.Audio).Write(&media.Packet{What: media.Digit, Start: true, Codec: &wide, Payload: tone(1, false, 960)}); err != nil {
		t.Fatal(err)
	}
	if p := b.next(wide); string(p.Payload) != string(tone(1, false, 960)) {
		t.Errorf("got % x", p.Payload)
	}
	// What comes by signalling says so, and what comes as an event does not.
	var p media.Packet
	buf := make([]byte, 16)
	tb.Inject(media.Audio, &media.Packet{What: media.Digit, Codec: &wide, Payload: tone(2, true, 960)})
	if err := r.Read(buf, &p); err != nil || !p.Signal {
		t.Errorf("by signalling: %+v, %v", p, err)
	}
	b.push(wide, true, 0, tone(3, true, 960))
	if err := r.Read(buf, &p); err != nil || p.Signal {
		t.Errorf("as an event: %+v, %v", p, err)
	}
}
