package engine_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/media"
)

// shown sends one picture from a to b, so that each knows the other's source.
func shown(a, b *watcher) (source uint32) {
	a.show("pictures")
	_, _, source, _ = b.sees()
	return source
}

// TestCeiling passes on what the one who sees takes at most, and lifts it when that one is gone.
func TestCeiling(t *testing.T) {
	e := listen(t)
	ta, tb := open(t, e, repairing(false)), open(t, e, repairing(false))
	a, b := watches(t, ta, repairing(false)), watches(t, tb, repairing(false))
	forth, ok := ta.Stream(media.Video).(media.Linker).Link(tb.Stream(media.Video), nil)
	back, ok2 := tb.Stream(media.Video).(media.Linker).Link(ta.Stream(media.Video), nil)
	if !ok || !ok2 {
		t.Fatal("not linked")
	}
	defer forth()
	source := shown(a, b)
	r := tb.Stream(media.Video).Reader()
	defer r.Close()
	b.tell(&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 8, Bitrate: 1, SSRCs: []uint32{source + 1}}) // about nothing of ours
	b.tell(&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 8, Bitrate: 512_000, SSRCs: []uint32{source}})
	remb := rtcpOf[*rtcp.ReceiverEstimatedMaximumBitrate](a.phone)
	if remb.Bitrate != 512_000 || len(remb.SSRCs) != 1 || remb.SSRCs[0] != a.ssrc {
		t.Errorf("tells %v of %v, want 512000 of %d", remb.Bitrate, remb.SSRCs, a.ssrc)
	}
	var p media.Packet
	if err := r.Read(make([]byte, 2048), &p); err != nil || p.What != media.Ceiling || p.Time != 512_000 {
		t.Errorf("reads %v, %d, %v", p.What, p.Time, err)
	}
	if got := tb.Stream(media.Video).Stats().Out.Ceiling; got != 512_000 {
		t.Errorf("statistics: %d", got)
	}
	back()
	for remb.Bitrate == 512_000 { // it may be said once more before
		remb = rtcpOf[*rtcp.ReceiverEstimatedMaximumBitrate](a.phone)
	}
	if remb.Bitrate < 10_000_000 {
		t.Errorf("still tells %v", remb.Bitrate)
	}
}

// TestCeilingByHand tells the sender what an application wants, where that was agreed on.
func TestCeilingByHand(t *testing.T) {
	e := listen(t)
	term := open(t, e, repairing(false))
	a := watches(t, term, repairing(false))
	a.show("pictures")
	eventually(t, "it is there", func() bool { return term.Stream(media.Video).Stats().In.Packets == 1 })
	if err := term.Stream(media.Video).Write(&media.Packet{What: media.Ceiling, Time: 300_000}); err != nil {
		t.Fatal(err)
	}
	if remb := rtcpOf[*rtcp.ReceiverEstimatedMaximumBitrate](a.phone); remb.Bitrate != 300_000 {
		t.Errorf("tells %v", remb.Bitrate)
	}
}

// TestTransportFeedback tells a sender when its packets have come, by their numbers on the transport, and which have not.
func TestTransportFeedback(t *testing.T) {
	e := listen(t)
	term := open(t, e, repairing(false))
	a := watches(t, term, repairing(false))
	id := a.section.Ext[media.TransportSeq]
	if id == 0 {
		t.Fatal("no numbers on the transport were agreed on")
	}
	const sent, lost = 50, 20
	for i := range uint16(sent) {
		if i != lost {
			a.numbered(id, 65_530+i)
		}
		a.seq++
	}
	came, missing := 0, 0
	for deadline := time.Now().Add(10 * time.Second); came+missing < sent; {
		if time.Now().After(deadline) {
			t.Fatalf("of %d packets %d are reported, and %d as lost", sent, came, missing)
		}
		cc := rtcpOf[*rtcp.TransportLayerCC](a.phone)
		if cc.MediaSSRC != a.ssrc {
			t.Errorf("about source %d", cc.MediaSSRC)
		}
		came += len(cc.RecvDeltas)
		missing += int(cc.PacketStatusCount) - len(cc.RecvDeltas)
	}
	if came != sent-1 || missing != 1 {
		t.Errorf("%d have come and %d not, want %d and 1", came, missing, sent-1)
	}
}

// numbered sends a packet with its number on the transport.
func (w *watcher) numbered(id uint8, number uint16) {
	w.t.Helper()
	b := make([]byte, 20, 32)
	b[0], b[1] = 0x90, w.section.Out[0].Number
	binary.BigEndian.PutUint16(b[2:], w.seq)
	binary.BigEndian.PutUint32(b[8:], w.ssrc)
	binary.BigEndian.PutUint32(b[12:], 0xbede_0001)
	b[16] = id<<4 | 1
	binary.BigEndian.PutUint16(b[17:], number)
	if _, err := w.conn.WriteToUDPAddrPort(append(b, "picture"...), w.to); err != nil {
		w.t.Fatal(err)
	}
}
