package codec_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// captured returns the telephone events in a capture of Ethernet packets (libpcap's format, little-endian): those of a payload type.
func captured(t testing.TB, name string, payloadType uint8) []report {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const head, perPacket, ethernet, udp, rtp = 24, 16, 14, 8, 12
	events := media.TelephoneEvent(8000)
	var all []report
	for data = data[head:]; len(data) > perPacket; {
		at := time.Duration(binary.LittleEndian.Uint32(data))*time.Second + time.Duration(binary.LittleEndian.Uint32(data[4:]))*time.Microsecond
		n := perPacket + int(binary.LittleEndian.Uint32(data[8:]))
		packet := data[perPacket:n][ethernet:]
		packet = packet[int(packet[0]&15)*4:][udp:]
		if packet[1]&0x7f == payloadType {
			all = append(all, report{at, media.Packet{
				What: media.Digit, Codec: &events, Marker: packet[1]&0x80 != 0, Payload: packet[rtp:],
				Seq: binary.BigEndian.Uint16(packet[2:]), Time: binary.BigEndian.Uint32(packet[4:]),
			}})
		}
		data = data[n:]
	}
	return all
}

// TestKeypadCaptures has each capture of a key give this key once, also without any two of the three packets of its end, without its
// marker, and with each packet twice.
func TestKeypadCaptures(t *testing.T) {
	dir := os.Getenv(testutil.CorporaEnv)
	if dir == "" {
		t.Skipf("%s is not set", testutil.CorporaEnv)
	}
	names, err := filepath.Glob(filepath.Join(dir, "sipp", "sipp-pcap", "dtmf_2833_*.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	names = append(names, filepath.Join(dir, "sipp/asterisk-testsuite/tests/channels/pjsip/dtmf_info_fallback/sipp/dtmf_2833_4.pcap"))
	if len(names) != 13 {
		t.Fatalf("%d captures, want 13", len(names))
	}
	for _, name := range names {
		want := filepath.Base(name)[len("dtmf_2833_"):][:1]
		if want == "s" || want == "p" {
			want = map[string]string{"s": "*", "p": "#"}[want]
		}
		all := captured(t, name, 101)
		var ends []int
		for i, r := range all {
			if e, ok := codec.ReadEvent(r.packet.Payload); !ok {
				t.Errorf("%s: packet %d is no event", name, i)
			} else if e.End {
				ends = append(ends, i)
			}
		}
		if len(ends) != 3 {
			t.Fatalf("%s: %d packets end it, want 3", name, len(ends))
		}
		for without := range 8 {
			var some []report
			for i, r := range all {
				k := i - ends[0]
				if k < 0 || without>>k&1 == 0 {
					r.packet.Marker = false
					some = append(some, r, r)
				}
			}
			held := 280 * time.Millisecond
			if without == 7 {
				held = 240 * time.Millisecond // the last that is said
			}
			if got, lasts := took(some); got != want || len(lasts) != 1 || lasts[0] != held {
				t.Errorf("%s without ends %03b: %q, held for %v, want %q for %v", filepath.Base(name), without, got, lasts, want, held)
			}
		}
	}
}

func TestEventRoundTrip(t *testing.T) {
	for _, e := range []codec.Event{{}, {Code: 5, Volume: 10, Duration: 160}, {Code: 15, End: true, Volume: 63, Duration: 0xffff}, {Code: 255, Duration: 1}} {
		got, ok := codec.ReadEvent(e.Append(nil))
		if !ok || got != e {
			t.Errorf("%+v came back as %+v", e, got)
		}
	}
	for i, key := range []byte(allKeys + "!") {
		code, ok := codec.KeyCode(key)
		back, also := codec.Event{Code: code}.Key()
		if !ok || !also || int(code) != i || back != key {
			t.Errorf("%c is event %d, which is %c", key, code, back)
		}
	}
	if code, ok := codec.KeyCode('b'); !ok || code != 13 {
		t.Errorf("b is event %d", code)
	}
	for _, key := range []byte{0, ' ', 'e', 'x', 255} {
		if _, ok := codec.KeyCode(key); ok {
			t.Errorf("%q is a key", key)
		}
	}
}

// FuzzKeypad feeds packets of seven octets: event, flags, duration, and how far RTP time and the clock go on.
func FuzzKeypad(f *testing.F) {
	f.Add([]byte("\x05\x0a\x00\xa0\x00\x01\x01\x05\x8a\x01\x40\x00\x00\x01"), uint16(8000))
	f.Add([]byte("\x05\x0a\xff\xff\x00\x00\x01\x05\x0a\x00\xa0\xff\xff\x01\x05\x8a\x01\x40\x00\x00\xff"), uint16(48000))
	f.Add([]byte("\x01\x0a\x00\xa0\x00\x10\x01\x02\x0a\x00\xa0\x01\x00\x01\x01\x8a\x01\x40\xff\x00\x01"), uint16(1))
	f.Fuzz(func(t *testing.T, data []byte, clock uint16) {
		data = data[:min(len(data), 7*1000)]
		events := media.TelephoneEvent(int(clock))
		var k codec.Keypad
		var out []codec.Press
		now, at, packets := time.Unix(1000, 0), uint32(0), 0
		for ; len(data) >= 7; data = data[7:] {
			at += uint32(int32(int16(binary.BigEndian.Uint16(data[4:]))))
			now = now.Add(time.Duration(data[6]) * time.Millisecond)
			out = k.Take(out, &media.Packet{What: media.Digit, Codec: &events, Time: at, Payload: data[:4:4]}, now)
			packets++
		}
		down := 0
		for _, p := range out {
			if p.Down {
				down++
			} else {
				down--
			}
			if down < 0 || down > 2 || p.Duration < 0 || p.Down && p.Duration != 0 {
				t.Fatalf("%+v", out)
			}
		}
		if len(out) > 2*packets {
			t.Fatalf("%d presses and ends of %d packets", len(out), packets)
		}
		if due := k.Due(); (down == 0) != due.IsZero() || len(k.Expire(nil, due)) != down {
			t.Fatalf("%d keys are down, due at %v", down, due)
		}
	})
}

func FuzzReadEvent(f *testing.F) {
	f.Add([]byte{5, 0x8a, 1, 0x40})
	f.Add([]byte{5, 0x8a, 1, 0x40, 6, 10, 0, 160})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, ok := codec.ReadEvent(payload)
		if ok != (len(payload) >= 4 && len(payload) <= 64) {
			t.Fatalf("%d octets: %v", len(payload), ok)
		}
		if again, _ := codec.ReadEvent(e.Append(nil)); ok && again != e {
			t.Fatalf("%+v came back as %+v", e, again)
		}
	})
}
