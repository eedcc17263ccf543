package engine_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/alexacall/alexacall/media"
)

// extras is a policy that passes what is said of the packets, with ids of its own.
func extras(all ...media.Extension) *media.Policy {
	p := repairing(true)
	p.Audio, p.Extensions = []media.Codec{media.PCMU()}, all
	return p
}

// TestExtras passes the level of the sound and the turn of the picture where both legs have agreed on them, each under the id of its leg,
// in front of the payload; and drops them elsewhere.
func TestExtras(t *testing.T) {
	both := []media.Extension{media.AudioLevel, media.Orientation}
	turned := []media.Extension{media.Orientation, media.AudioLevel, media.TransportSeq}
	for _, c := range []struct {
		why  string
		a, b []media.Extension
		want bool
	}{
		{"both have them", both, turned, true},
		{"one has them", both, nil, false},
		{"the other has them", nil, both, false},
	} {
		t.Run(c.why, func(t *testing.T) {
			e := listen(t)
			ta, tb := open(t, e, extras(c.a...)), open(t, e, extras(c.b...))
			a, b := talksAndShows(t, ta, extras(c.a...)), talksAndShows(t, tb, extras(c.b...))
			relayed(t, ta, tb)
			for i, kind := range []media.Kind{media.Audio, media.Video} {
				x := []media.Extension{media.AudioLevel, media.Orientation}[kind]
				for _, size := range []int{160, 1200} {
					payload := bytes.Repeat([]byte{byte(size)}, size)
					a.say(a.sections[i].Out[0].Number, a.sections[i].Ext[x], 0x2a, payload)
					var got rtp.Packet
					if err := got.Unmarshal(b.raw()); err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got.Payload, payload) {
						t.Fatalf("%v: %d bytes of payload, want %d", kind, len(got.Payload), size)
					}
					switch value := got.GetExtension(b.sections[i].Ext[x]); {
					case !c.want && got.Extension:
						t.Errorf("%v: an extension that was not agreed on: %+v", kind, got.Header)
					case c.want && !bytes.Equal(value, []byte{0x2a}):
						t.Errorf("%v: says %x under id %d", kind, value, b.sections[i].Ext[x])
					}
				}
			}
		})
	}
}

// TestExtrasWritten sends what an application says, up to the longest packet, which goes without it.
func TestExtrasWritten(t *testing.T) {
	e := listen(t)
	term := open(t, e, extras(media.AudioLevel))
	a := talksAndShows(t, term, extras(media.AudioLevel))
	codec := media.PCMU()
	const longest = 2048 - 12 - 16
	for i, c := range []struct {
		size int
		want bool
	}{{160, true}, {longest - 8, true}, {longest - 7, false}, {longest, false}} {
		p := media.Packet{Codec: &codec, Seq: uint16(i), Time: uint32(i * 160), Extra: media.Extra{Loud: true, Level: 0xff}, Payload: make([]byte, c.size)}
		if err := term.Stream(media.Audio).Write(&p); err != nil {
			t.Fatal(err)
		}
		var got rtp.Packet
		if err := got.Unmarshal(a.raw()); err != nil {
			t.Fatal(err)
		}
		if said := len(got.GetExtension(a.sections[0].Ext[media.AudioLevel])) == 1; said != c.want || len(got.Payload) != c.size {
			t.Errorf("%d bytes: says its level: %v, want %v; %d bytes came", c.size, said, c.want, len(got.Payload))
		}
	}
}

// both is a phone with sound and pictures on one port.
type both struct {
	*phone
	sections []media.Section
}

// talksAndShows opens a terminal for one that offers under a policy.
func talksAndShows(t testing.TB, term media.Terminal, p *media.Policy) *both {
	t.Helper()
	b := &both{phone: newPhone(t)}
	n, offer, err := media.Negotiation{}.Offer(p, media.Local{ID: 1, Addr: "127.0.0.1", Port: b.port()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := term.Answer(offer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err = n.Accept(p, answer); err != nil {
		t.Fatal(err)
	}
	b.sections = n.Sections()
	b.to = b.sections[0].Transport.Addr
	return b
}

// say sends a packet with one header extension, or none.
func (b *both) say(number, id, value uint8, payload []byte) {
	b.t.Helper()
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: number, SequenceNumber: b.seq, Timestamp: b.time, SSRC: b.ssrc + uint32(number)}, Payload: payload}
	b.seq++
	b.time += 160
	if id != 0 {
		if err := p.SetExtension(id, []byte{value}); err != nil {
			b.t.Fatal(err)
		}
	}
	text, err := p.Marshal()
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.conn.WriteToUDPAddrPort(text, b.to); err != nil {
		b.t.Fatal(err)
	}
}

// TestExtrasRepaired sends a packet again with what was said of it.
func TestExtrasRepaired(t *testing.T) {
	e := listen(t)
	policy := extras(media.Orientation)
	ta, tb := open(t, e, policy), open(t, e, policy)
	a, b := talksAndShows(t, ta, policy), talksAndShows(t, tb, policy)
	relayed(t, ta, tb)
	video := a.sections[1]
	a.say(video.Out[0].Number, video.Ext[media.Orientation], 5, []byte("turned"))
	var first, again rtp.Packet
	if err := first.Unmarshal(b.raw()); err != nil {
		t.Fatal(err)
	}
	w := &watcher{phone: b.phone, section: b.sections[1]}
	eventually(t, "it is sent again", func() bool {
		w.tell(&rtcp.TransportLayerNack{SenderSSRC: b.ssrc, MediaSSRC: first.SSRC, Nacks: []rtcp.NackPair{{PacketID: first.SequenceNumber}}})
		return tb.Stream(media.Video).Stats().Out.Resent > 0
	})
	if err := again.Unmarshal(w.rtp()); err != nil {
		t.Fatal(err)
	}
	want := string(binary.BigEndian.AppendUint16(nil, first.SequenceNumber)) + "turned"
	if turn := again.GetExtension(b.sections[1].Ext[media.Orientation]); !bytes.Equal(turn, []byte{5}) || string(again.Payload) != want || again.PayloadType != b.sections[1].RepairIn[0].Number {
		t.Errorf("sends %q again, turned by %x, as type %d", again.Payload, turn, again.PayloadType)
	}
}
