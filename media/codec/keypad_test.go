package codec_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

const frame = 20 * time.Millisecond

// report is a packet of a press, as it was sent.
type report struct {
	at     time.Duration
	packet media.Packet
}

// pressedFor returns the packets of a key that is held from a moment on, as RFC 4733 has them sent: one every 20 ms, in segments where it
// lasts too long for one, and the last one three times.
func pressedFor(t testing.TB, key byte, clock int, from, lasts time.Duration) []report {
	t.Helper()
	code, ok := codec.KeyCode(key)
	if !ok {
		t.Fatalf("no key %q", key)
	}
	units := func(d time.Duration) uint32 { return uint32(d * time.Duration(clock) / time.Second) }
	events := media.TelephoneEvent(clock)
	var all []report
	add := func(at time.Duration, ts uint32, e codec.Event) {
		e.Code, e.Volume = code, 10
		all = append(all, report{at, media.Packet{What: media.Digit, Marker: len(all) == 0, Codec: &events, Time: ts, Payload: e.Append(nil)}})
	}
	segment := units(from)
	for d := frame; d <= lasts; d += frame {
		so := units(from+d) - segment
		if so > 0xffff {
			add(from+d, segment, codec.Event{Duration: 0xffff})
			segment += 0xffff
			so -= 0xffff
		}
		add(from+d, segment, codec.Event{Duration: uint16(so), End: d == lasts})
	}
	last := all[len(all)-1]
	for range 2 {
		last.at += frame
		all = append(all, last)
	}
	return all
}

// took feeds packets to a keypad, and returns the keys that went down, and how long each was held, in order.
func took(reports []report) (keys string, lasts []time.Duration) {
	var k codec.Keypad
	var out []codec.Press
	began := time.Unix(1000, 0)
	now := began
	for i := range reports {
		now = began.Add(reports[i].at)
		out = k.Take(out, &reports[i].packet, now)
	}
	out = k.Expire(out, now.Add(time.Second))
	for _, p := range out {
		if p.Down {
			keys += string(p.Key)
		} else {
			lasts = append(lasts, p.Duration)
		}
	}
	return keys, lasts
}

// TestKeypadPresses tells one press of every key, at both clocks, with its duration, also where its end is lost.
func TestKeypadPresses(t *testing.T) {
	for _, clock := range []int{8000, 48000} {
		for _, key := range []byte(allKeys + "!") {
			for _, lasts := range []time.Duration{40 * time.Millisecond, 100 * time.Millisecond, 3 * time.Second, 30 * time.Second} {
				all := pressedFor(t, key, clock, time.Second, lasts)
				if got, held := took(all); got != string(key) || len(held) != 1 || held[0] != lasts {
					t.Errorf("%d Hz, %c for %v: %q, held for %v", clock, key, lasts, got, held)
				}
				if lasts > 5*time.Second {
					continue
				}
				for i := range all { // any one alone
					if got, held := took(all[i : i+1]); got != string(key) || len(held) != 1 {
						t.Errorf("%d Hz, packet %d of %c: %q, held for %v", clock, i, key, got, held)
					}
				}
				if got, held := took(all[:len(all)-3]); len(all) > 4 && (got != string(key) || len(held) != 1 || lasts-held[0] != frame) {
					t.Errorf("%d Hz, %c for %v without an end: %q, held for %v", clock, key, lasts, got, held)
				}
				for i := range all[:len(all)-3] { // without one
					if got, held := took(append(slices.Clone(all[:i]), all[i+1:]...)); got != string(key) || len(held) != 1 || held[0] != lasts {
						t.Fatalf("%d Hz, %c for %v without packet %d: %q, held for %v", clock, key, lasts, i, got, held)
					}
				}
			}
		}
	}
}

// TestKeypadSpoiled presses keys in a hurry, many of them twice in a row, and loses, doubles and delays their packets. As long as one
// packet of a press comes, it is told once, in order.
func TestKeypadSpoiled(t *testing.T) {
	for seed := range uint64(300) {
		chance := rand.New(rand.NewPCG(seed, 3))
		clock := []int{8000, 48000}[seed%2]
		var sent []report
		want := ""
		at := time.Second
		for range 12 {
			key := allKeys[chance.IntN(len(allKeys))]
			if len(want) > 0 && chance.IntN(2) == 0 {
				key = want[len(want)-1]
			}
			lasts := frame * time.Duration(2+chance.IntN(8))
			if chance.IntN(8) == 0 {
				lasts = 3 * time.Second
			}
			some := pressedFor(t, key, clock, at, lasts)
			at += lasts + frame*time.Duration(2+chance.IntN(5))
			kept := some[:0]
			for _, r := range some {
				if chance.Float64() > 0.3 {
					kept = append(kept, r)
				}
				for chance.IntN(10) == 0 { // twice, or late
					again := r
					again.at += time.Duration(chance.IntN(60)) * time.Millisecond
					kept = append(kept, again)
				}
			}
			if len(kept) > 0 {
				want += string(key)
			}
			sent = append(sent, kept...)
		}
		slices.SortStableFunc(sent, func(a, b report) int { return cmp.Compare(a.at, b.at) })
		got, held := took(sent)
		if sorted(got) != sorted(want) || len(held) != len(got) {
			t.Errorf("seed %d: %q, %d ends, want %q", seed, got, len(held), want)
		}
	}
}

func sorted(s string) string {
	b := []byte(s)
	slices.Sort(b)
	return string(b)
}

// TestKeypadQuick tells two presses of a key whose pause is as short as may be, also where all three ends of the first are lost.
func TestKeypadQuick(t *testing.T) {
	for _, clock := range []int{8000, 48000} {
		first := pressedFor(t, '5', clock, time.Second, 60*time.Millisecond)
		second := pressedFor(t, '5', clock, time.Second+100*time.Millisecond, 60*time.Millisecond)
		for lost := range len(first) {
			if got, held := took(append(slices.Clone(first[:len(first)-lost]), second...)); got != "55" || len(held) != 2 {
				t.Errorf("%d Hz, without %d packets: %q, held for %v", clock, lost, got, held)
			}
		}
	}
}

// TestKeypadLate puts a packet of a press after the beginning of the next one.
func TestKeypadLate(t *testing.T) {
	first, second := pressedFor(t, '1', 8000, time.Second, 100*time.Millisecond), pressedFor(t, '2', 8000, 1200*time.Millisecond, 100*time.Millisecond)
	for i := range first {
		for _, seen := range []bool{true, false} {
			var all []report
			if seen {
				all = append(all, first[:i+1]...)
			}
			all = append(all, second[:2]...)
			all = append(all, report{second[1].at, first[i].packet})
			all = append(all, second[2:]...)
			want := "21"
			if seen {
				want = "12"
			}
			if got, held := took(all); got != want || len(held) != 2 || !slices.Contains(held, 100*time.Millisecond) {
				t.Errorf("packet %d late, seen before %v: %q, held for %v, want %q", i, seen, got, held, want)
			}
		}
	}
}

// TestKeypadTimes follows a press whose packets stop, and what it says of it in between.
func TestKeypadTimes(t *testing.T) {
	var k codec.Keypad
	if !k.Due().IsZero() {
		t.Error("due without a key")
	}
	all := pressedFor(t, '9', 8000, 0, 100*time.Millisecond)
	now := time.Unix(1000, 0)
	out := k.Take(nil, &all[0].packet, now)
	if fmt.Sprint(out) != fmt.Sprint([]codec.Press{{Key: '9', Down: true}}) || k.Due().IsZero() {
		t.Fatalf("at the first packet: %+v, due %v", out, k.Due())
	}
	if out = k.Expire(out[:0], k.Due().Add(-time.Nanosecond)); len(out) != 0 {
		t.Errorf("before it is due: %+v", out)
	}
	out = k.Expire(out, k.Due())
	if len(out) != 1 || out[0] != (codec.Press{Key: '9', Duration: frame}) || !k.Due().IsZero() {
		t.Errorf("when it is due: %+v", out)
	}
	if out = k.Take(out[:0], &all[1].packet, now.Add(400*time.Millisecond)); len(out) != 0 {
		t.Errorf("packets that come after all: %+v", out)
	}
	if out = k.Take(out[:0], &all[0].packet, now.Add(5*time.Second)); len(out) != 1 || !out[0].Down {
		t.Errorf("a recording of it, played again: %+v", out)
	}
}

// TestKeypadIgnores what is no key.
func TestKeypadIgnores(t *testing.T) {
	events, broken := media.TelephoneEvent(8000), media.Codec{Name: "telephone-event"}
	var k codec.Keypad
	for _, p := range []media.Packet{
		{What: media.RTP, Codec: &events, Payload: []byte{1, 10, 0, 160}},
		{What: media.Digit, Payload: []byte{1, 10, 0, 160}},
		{What: media.Digit, Codec: &broken, Payload: []byte{1, 10, 0, 160}},
		{What: media.Digit, Codec: &events, Payload: []byte{1, 10, 0}},
		{What: media.Digit, Codec: &events, Payload: []byte(strings.Repeat("\x01", 65))},
		{What: media.Digit, Codec: &events, Payload: []byte{17, 10, 0, 160}},
		{What: media.Digit, Codec: &events, Payload: []byte{255, 138, 0, 160}},
	} {
		if out := k.Take(nil, &p, time.Unix(1000, 0)); len(out) != 0 {
			t.Errorf("%+v: %+v", p, out)
		}
	}
}

func TestKeypadAllocs(t *testing.T) {
	all := pressedFor(t, '5', 8000, 0, time.Second)
	var k codec.Keypad
	out := make([]codec.Press, 0, 8)
	now := time.Unix(1000, 0)
	if n := testing.AllocsPerRun(100, func() {
		for i := range all {
			all[i].packet.Time += 16000
			out = k.Take(out[:0], &all[i].packet, now)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
