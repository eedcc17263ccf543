package engine_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/media"
)

// repairing is a policy of VP8 alone over plain RTP, with all feedback and perhaps retransmissions in a stream of their own.
func repairing(rtx bool) *media.Policy {
	p := media.VideoPhone()
	p.Audio, p.Video, p.Mux, p.RTX = nil, []media.Codec{media.VP8()}, true, rtx
	p.Feedback, p.Extensions = media.NACK|media.PLI|media.REMB|media.TransportCC, []media.Extension{media.TransportSeq}
	return p
}

// watcher is a phone of pictures alone.
type watcher struct {
	*phone
	section media.Section // as it sees it: In is what it takes
}

// watches opens a terminal for a watcher that offers under a policy.
func watches(t testing.TB, term media.Terminal, p *media.Policy) *watcher {
	t.Helper()
	w := &watcher{phone: newPhone(t)}
	w.ssrc = 8
	n, offer, err := media.Negotiation{}.Offer(p, media.Local{ID: 1, Addr: "127.0.0.1", Port: w.port()}, nil)
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
	w.section = n.Sections()[0]
	w.to = w.section.Transport.Addr
	return w
}

// seesEach forwards the pictures of two terminals both ways. There is no sound, so there is nothing for a relay.
func seesEach(t testing.TB, a, b media.Terminal) {
	t.Helper()
	for _, way := range [][2]media.Terminal{{a, b}, {b, a}} {
		unlink, ok := way[0].Stream(media.Video).(media.Linker).Link(way[1].Stream(media.Video), nil)
		if !ok {
			t.Fatal("not linked")
		}
		t.Cleanup(unlink)
	}
}

// show sends a picture of one packet.
func (w *watcher) show(payload string) { w.see(w.section.Out[0].Number, payload) }

// tell sends feedback.
func (w *watcher) tell(p rtcp.Packet) {
	w.t.Helper()
	b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: w.ssrc}, p})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.conn.WriteToUDPAddrPort(b, w.to); err != nil {
		w.t.Fatal(err)
	}
}

// sees waits for the next RTP packet, passing over RTCP.
func (w *watcher) sees() (pt uint8, seq uint16, ssrc uint32, payload string) {
	w.t.Helper()
	b := w.rtp()
	return b[1] & 0x7f, binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[8:]), string(b[12:])
}

func (w *watcher) rtp() []byte {
	w.t.Helper()
	for {
		if b := w.raw(); len(b) >= 12 && (b[1] < 192 || b[1] > 223) {
			return b
		}
	}
}

// again sends a packet as the far side does that has been asked for it.
func (w *watcher) again(seq uint16, payload string) {
	number, ssrc := w.section.Out[0].Number, w.ssrc
	if repairs := w.section.RepairOut; repairs != nil {
		number, ssrc = repairs[0].Number, 88
		payload = string(binary.BigEndian.AppendUint16(nil, seq)) + payload
		seq = 5
	}
	b := make([]byte, 12)
	b[0], b[1] = 0x80, number
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	if _, err := w.conn.WriteToUDPAddrPort(append(b, payload...), w.to); err != nil {
		w.t.Fatal(err)
	}
}

// TestNACK asks for a packet that is lost on the way in, as soon as it is not merely late, and passes it on under its own number.
func TestNACK(t *testing.T) {
	for _, rtx := range []bool{false, true} {
		t.Run(map[bool]string{false: "as it was", true: "RTX"}[rtx], func(t *testing.T) {
			e := listen(t)
			ta, tb := open(t, e, repairing(rtx)), open(t, e, repairing(rtx))
			a, b := watches(t, ta, repairing(rtx)), watches(t, tb, repairing(rtx))
			if got := a.section.RepairOut != nil; got != rtx {
				t.Fatalf("retransmissions: %v", a.section.RepairOut)
			}
			seesEach(t, ta, tb)
			a.show("one")
			_, first, _, _ := b.sees()
			lost := a.seq
			a.seq++
			a.show("three")
			if _, seq, _, payload := b.sees(); seq != first+2 || payload != "three" {
				t.Fatalf("%q under %d after %d", payload, seq, first)
			}
			nack := rtcpOf[*rtcp.TransportLayerNack](a.phone)
			if asked := nack.Nacks[0].PacketList(); nack.MediaSSRC != a.ssrc || len(nack.Nacks) != 1 || len(asked) != 1 || asked[0] != lost {
				t.Fatalf("asks source %d for %v, want %d of %d", nack.MediaSSRC, nack.Nacks, lost, a.ssrc)
			}
			for range 2 { // an impatient sender
				a.again(lost, "two")
			}
			if _, seq, _, payload := b.sees(); seq != first+1 || payload != "two" {
				t.Errorf("%q under %d, want two under %d", payload, seq, first+1)
			}
			a.show("four")
			if _, seq, _, payload := b.sees(); seq != first+3 || payload != "four" {
				t.Errorf("%q under %d", payload, seq)
			}
			in := ta.Stream(media.Video).Stats().In
			if in.Repaired != 1 || in.Asked == 0 || in.Lost != 0 || in.Late != 0 || in.Unknown+in.Bad > 0 || in.Packets != 4 {
				t.Errorf("statistics: %+v", in)
			}
		})
	}
}

// TestNACKAnswered sends a packet again that the far side has lost: in a stream of its own where that is agreed on, else as it was.
func TestNACKAnswered(t *testing.T) {
	for _, rtx := range []bool{false, true} {
		t.Run(map[bool]string{false: "as it was", true: "RTX"}[rtx], func(t *testing.T) {
			e := listen(t)
			ta, tb := open(t, e, repairing(false)), open(t, e, repairing(rtx))
			a, b := watches(t, ta, repairing(false)), watches(t, tb, repairing(rtx))
			seesEach(t, ta, tb)
			var seqs []uint16
			var source uint32
			for range 4 {
				a.show("pictures")
				_, seq, ssrc, _ := b.sees()
				seqs, source = append(seqs, seq), ssrc
			}
			nack := &rtcp.TransportLayerNack{SenderSSRC: b.ssrc, MediaSSRC: source, Nacks: []rtcp.NackPair{{PacketID: seqs[1], LostPackets: 1<<0 | 1<<10}}}
			tick := time.NewTicker(20 * time.Millisecond) // what has just been sent is not sent again
			defer tick.Stop()
			for range 500 {
				if tb.Stream(media.Video).Stats().Out.Resent >= 2 {
					break
				}
				b.tell(nack)
				<-tick.C
			}
			for _, lost := range seqs[1:3] {
				pt, seq, ssrc, payload := b.sees()
				if rtx {
					if pt != b.section.RepairIn[0].Number || ssrc == source || payload != string(binary.BigEndian.AppendUint16(nil, lost))+"pictures" {
						t.Errorf("type %d, source %d, % x, want %d in it", pt, ssrc, payload, lost)
					}
				} else if pt != b.section.In[0].Number || seq != lost || ssrc != source || payload != "pictures" {
					t.Errorf("type %d, number %d, source %d, %q; want number %d of %d", pt, seq, ssrc, payload, lost, source)
				}
			}
			b.tell(&rtcp.TransportLayerNack{SenderSSRC: b.ssrc, MediaSSRC: source + 1, Nacks: nack.Nacks})
			a.show("goes on")
			for {
				if _, seq, ssrc, payload := b.sees(); payload == "goes on" {
					if seq != seqs[3]+1 || ssrc != source {
						t.Errorf("number %d of %d after %d", seq, ssrc, seqs[3])
					}
					break
				}
			}
		})
	}
}

// TestLossWithoutNACK asks for a key frame where nothing can be sent again, once a second at the most.
func TestLossWithoutNACK(t *testing.T) {
	p := repairing(false)
	p.Feedback = media.PLI
	e := listen(t)
	term := open(t, e, p)
	a := watches(t, term, p)
	a.show("one")
	a.seq++
	a.show("three")
	if pli := rtcpOf[*rtcp.PictureLossIndication](a.phone); pli.MediaSSRC != a.ssrc {
		t.Errorf("asks source %d, want %d", pli.MediaSSRC, a.ssrc)
	}
	if in := term.Stream(media.Video).Stats().In; in.Asked != 0 || in.Lost != 1 {
		t.Errorf("statistics: %+v", in)
	}
}

// TestRepairDoesNotAllocate relays pictures between legs that keep them, record when they come, and pass on how they are turned.
func TestRepairDoesNotAllocate(t *testing.T) {
	p := repairing(true)
	p.Extensions = append(p.Extensions, media.Orientation)
	e := listen(t)
	ta, tb := open(t, e, p), open(t, e, p)
	a, b := watches(t, ta, p), watches(t, tb, p)
	seesEach(t, ta, tb)
	pkt := append([]byte{0x90, a.section.Out[0].Number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0xbe, 0xde, 0, 2}, make([]byte, 1196)...)
	copy(pkt[16:], []byte{a.section.Ext[media.TransportSeq]<<4 | 1, 0, 7, a.section.Ext[media.Orientation] << 4, 1})
	passes(t, a.phone, b.phone, pkt)
}
