package engine_test

import (
	"encoding/binary"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/media"
)

// seeing adds video to a profile: VP8, and H.264 of constrained baseline.
func seeing(p *media.Policy) *media.Policy {
	p.Video = []media.Codec{media.VP8(), media.H264("42e01f", 1)}
	p.Feedback = media.PLI | media.FIR
	return p
}

// videoPhone is a phone with a socket for sound and another one for pictures, RTCP multiplexed on each.
type videoPhone struct {
	t            testing.TB
	sound, video *phone
	sections     []media.Section
}

func newVideoPhone(t testing.TB) *videoPhone {
	p := &videoPhone{t: t, sound: newPhone(t), video: newPhone(t)}
	p.video.ssrc = 8
	return p
}

// description is what the phone offers, in a direction of its pictures.
func (p *videoPhone) description(videoPort uint16, dir ...media.Direction) media.Description {
	p.t.Helper()
	policy := seeing(pcmu())
	policy.Mux = true
	_, d, err := media.Negotiation{}.Offer(policy, media.Local{ID: 1, Addr: "127.0.0.1", Port: p.sound.port()}, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	text, _ := d.AppendText(nil)
	head, video, _ := strings.Cut(string(text), "m=video ")
	_, video, _ = strings.Cut(video, " ")
	for _, d := range dir {
		video = strings.Replace(video, "a=sendrecv", "a="+d.String(), 1)
	}
	d, err = media.ParseDescription([]byte(head + "m=video " + strconv.Itoa(int(videoPort)) + " " + video))
	if err != nil {
		p.t.Fatal(err)
	}
	return d
}

// offer lets term answer an offer of the phone's.
func (p *videoPhone) offer(term media.Terminal, d media.Description, want media.Plan) {
	p.t.Helper()
	answer, err := term.Answer(d, want)
	if err != nil {
		p.t.Fatal(err)
	}
	n := media.Negotiation{}
	policy := seeing(pcmu())
	policy.Mux = true
	if n, _, err = n.Answer(policy, media.Local{ID: 2, Addr: "127.0.0.1", Port: 9}, nil, answer); err != nil {
		p.t.Fatal(err)
	}
	p.sections = n.Sections()
	p.sound.to = p.sections[0].Transport.Addr
	p.video.to = p.sound.to
}

// see sends one packet of pictures.
func (p *phone) see(number uint8, payload string) {
	p.t.Helper()
	b := make([]byte, 12, 12+len(payload))
	b[0], b[1] = 0x80, number
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], p.time)
	binary.BigEndian.PutUint32(b[8:], p.ssrc)
	p.seq++
	p.time += 3000
	if _, err := p.conn.WriteToUDPAddrPort(append(b, payload...), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// rtcpOf waits for RTCP with a packet of a type among what comes.
func rtcpOf[P rtcp.Packet](p *phone) P {
	p.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		packets, err := rtcp.Unmarshal(p.raw())
		if err != nil {
			continue
		}
		for _, one := range packets {
			if found, ok := one.(P); ok {
				return found
			}
		}
	}
	var none P
	p.t.Fatalf("no %T in 10 s", none)
	return none
}

// vp8 returns the payload type of VP8 that the engine takes.
func (p *videoPhone) vp8() uint8 {
	for _, f := range p.sections[1].Out {
		if f.Codec.Name == "VP8" {
			return f.Number
		}
	}
	p.t.Fatal("no VP8")
	return 0
}

// TestVideo carries sound and pictures between two phones with an address for each: each kind goes its own way, in one unbroken
// stream of its own.
func TestVideo(t *testing.T) {
	e := listen(t)
	a, b := newVideoPhone(t), newVideoPhone(t)
	ta, tb := open(t, e, seeing(media.Phone())), open(t, e, seeing(media.Phone()))
	a.offer(ta, a.description(a.video.port()), nil)
	b.offer(tb, b.description(b.video.port()), nil)
	relayed(t, ta, tb)
	var ssrcs [2]uint32
	for i := range 10 {
		a.sound.send([]byte("sound"))
		pkt := b.sound.raw()
		if string(pkt[12:]) != "sound" || pkt[1]&0x7f != 0 {
			t.Fatalf("sound %d: %q of type %d", i, pkt[12:], pkt[1]&0x7f)
		}
		ssrcs[0] = binary.BigEndian.Uint32(pkt[8:])
		a.video.see(a.vp8(), "pictures")
		pkt = b.video.raw()
		if string(pkt[12:]) != "pictures" || pkt[1]&0x7f != b.vp8() {
			t.Fatalf("pictures %d: %q of type %d", i, pkt[12:], pkt[1]&0x7f)
		}
		ssrcs[1] = binary.BigEndian.Uint32(pkt[8:])
	}
	if ssrcs[0] == ssrcs[1] {
		t.Error("sound and pictures are one source")
	}
	b.video.see(b.vp8(), "back")
	if got := rtcpOf[*rtcp.PictureLossIndication](a.video).MediaSSRC; got != a.video.ssrc {
		t.Errorf("asks source %d for a picture to begin with, want %d", got, a.video.ssrc)
	}
	if pkt := a.video.raw(); string(pkt[12:]) != "back" {
		t.Errorf("backwards: %q", pkt[12:])
	}
	if in := ta.Stream(media.Video).Stats().In; in.Packets != 10 || in.Bad+in.Unknown+in.Lost > 0 {
		t.Errorf("pictures in: %+v", in)
	}
	if in := ta.Stream(media.Audio).Stats().In; in.Packets != 10 || in.Bad+in.Unknown+in.Lost > 0 {
		t.Errorf("sound in: %+v", in)
	}
}

// TestVideoComesAndGoes takes pictures into a call, moves them to another port, takes them out and in again. The sound goes on.
func TestVideoComesAndGoes(t *testing.T) {
	e := listen(t)
	a, b := newVideoPhone(t), newVideoPhone(t)
	ta, tb := open(t, e, seeing(media.Phone())), open(t, e, seeing(media.Phone()))
	a.offer(ta, a.description(a.video.port()), nil)
	relayed(t, ta, tb)
	check := func(why string, pictures bool) {
		t.Helper()
		a.sound.send([]byte(why))
		if got := b.sound.raw(); string(got[12:]) != why {
			t.Fatalf("%s: heard %q", why, got[12:])
		}
		before := tb.Stream(media.Video).Stats().Out.Packets
		a.video.see(a.vp8(), why)
		if pictures {
			if got := b.video.raw(); string(got[12:]) != why {
				t.Fatalf("%s: seen %q", why, got[12:])
			}
			return
		}
		a.sound.send([]byte("behind it"))
		b.sound.raw()
		if tb.Stream(media.Video).Stats().Out.Packets != before {
			t.Errorf("%s: pictures go on", why)
		}
	}
	b.offer(tb, b.description(b.video.port()), nil)
	check("with pictures", true)
	old := b.video
	b.video = newPhone(t)
	b.offer(tb, b.description(b.video.port()), nil)
	check("pictures to another port", true)
	b.offer(tb, b.description(0), nil)
	check("without pictures", false)
	b.video = old
	b.offer(tb, b.description(b.video.port()), nil)
	check("with pictures again", true)
	b.offer(tb, b.description(b.sound.port()), nil)
	old = b.video
	b.video = b.sound
	a.sound.send([]byte("both to one port"))
	b.sound.raw()
	a.video.see(a.vp8(), "both to one port")
	if got := b.sound.raw(); string(got[12:]) != "both to one port" || got[1]&0x7f != b.vp8() {
		t.Errorf("on one port: %q", got[12:])
	}
	b.video = old
	b.offer(tb, b.description(b.video.port(), media.SendOnly), nil)
	check("pictures one way", false)
}

// TestVideoAddressesGoBack frees the addresses of both ways with the call.
func TestVideoAddressesGoBack(t *testing.T) {
	e := listen(t)
	a := newVideoPhone(t)
	for i := range 5 {
		term := open(t, e, seeing(media.Phone()))
		a.offer(term, a.description(a.video.port()), nil)
		a.video.see(a.vp8(), "pictures")
		for deadline := time.Now().Add(10 * time.Second); term.Stream(media.Video).Stats().In.Packets == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("call %d: no pictures", i)
			}
		}
		if other := open(t, e, seeing(media.Phone())); other != nil {
			if _, err := other.Answer(newVideoPhone(t).description(a.video.port()), nil); err == nil {
				t.Fatalf("call %d: another call takes the address of its pictures", i)
			}
			_ = other.Close()
		}
		_ = term.Close()
	}
}

// TestKeyFrames passes requests for a key frame from the one who sees to the one who sends, in whichever way each leg has agreed on,
// and not more often than is of use.
func TestKeyFrames(t *testing.T) {
	for _, c := range []struct {
		name     string
		ask, get media.Feedback
	}{
		{"PLI to PLI", media.PLI, media.PLI | media.FIR},
		{"PLI to FIR", media.PLI, media.FIR},
		{"FIR to PLI", media.FIR, media.PLI},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := listen(t)
			a, b := newVideoPhone(t), newVideoPhone(t)
			pa, pb := seeing(media.Phone()), seeing(media.Phone())
			pa.Feedback, pb.Feedback = c.get, c.ask
			ta, tb := open(t, e, pa), open(t, e, pb)
			a.offer(ta, a.description(a.video.port()), nil)
			b.offer(tb, b.description(b.video.port()), nil)
			relayed(t, ta, tb)
			a.video.see(a.vp8(), "pictures")
			sent := b.video.raw()
			source := binary.BigEndian.Uint32(sent[8:])
			var request rtcp.Packet = &rtcp.PictureLossIndication{SenderSSRC: 8, MediaSSRC: source}
			if c.ask == media.FIR {
				request = &rtcp.FullIntraRequest{SenderSSRC: 8, FIR: []rtcp.FIREntry{{SSRC: source, SequenceNumber: 1}}}
			}
			text, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 8}, request})
			if err != nil {
				t.Fatal(err)
			}
			asked := func() uint32 {
				if c.get.Has(media.PLI) {
					return rtcpOf[*rtcp.PictureLossIndication](a.video).MediaSSRC
				}
				return rtcpOf[*rtcp.FullIntraRequest](a.video).FIR[0].SSRC
			}
			if about := asked(); about != a.video.ssrc {
				t.Errorf("asks source %d to begin with, want %d", about, a.video.ssrc)
			}
			defer b.video.insist(text)() // for a moment nothing is asked again
			if about := asked(); about != a.video.ssrc {
				t.Errorf("asks source %d, want %d", about, a.video.ssrc)
			}
		})
	}
}

// TestKeyFrameByHand asks for a key frame as an application does, and hears that the far side asks for one.
func TestKeyFrameByHand(t *testing.T) {
	e := listen(t)
	a := newVideoPhone(t)
	term := open(t, e, seeing(media.Phone()))
	a.offer(term, a.description(a.video.port()), nil)
	video := term.Stream(media.Video)
	r := video.Reader()
	defer r.Close()
	a.video.see(a.vp8(), "pictures")
	var p media.Packet
	if err := r.Read(make([]byte, 2048), &p); err != nil || p.What != media.RTP {
		t.Fatalf("%v, %v", p, err)
	}
	if err := video.Write(&media.Packet{What: media.KeyFrame}); err != nil {
		t.Fatal(err)
	}
	if got := rtcpOf[*rtcp.PictureLossIndication](a.video).MediaSSRC; got != a.video.ssrc {
		t.Errorf("asks source %d, want %d", got, a.video.ssrc)
	}
	codec := media.VP8()
	if err := video.Write(&media.Packet{Codec: &codec, Payload: []byte("ours")}); err != nil {
		t.Fatal(err)
	}
	source := binary.BigEndian.Uint32(a.video.raw()[8:])
	text, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 8}, &rtcp.PictureLossIndication{SenderSSRC: 8, MediaSSRC: source}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.video.conn.WriteToUDPAddrPort(text, a.video.to); err != nil {
		t.Fatal(err)
	}
	if err := r.Read(make([]byte, 2048), &p); err != nil || p.What != media.KeyFrame {
		t.Errorf("%v, %v, want a request for a key frame", p.What, err)
	}
}

// TestVideoDoesNotAllocate relays pictures of the size of a full packet.
func TestVideoDoesNotAllocate(t *testing.T) {
	e := listen(t)
	a, b := newVideoPhone(t), newVideoPhone(t)
	ta, tb := open(t, e, seeing(media.Phone())), open(t, e, seeing(media.Phone()))
	a.offer(ta, a.description(a.video.port()), nil)
	b.offer(tb, b.description(b.video.port()), nil)
	relayed(t, ta, tb)
	pkt := append([]byte{0x80, a.vp8(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 8}, make([]byte, 1188)...)
	passes(t, a.video, b.video, pkt)
}
