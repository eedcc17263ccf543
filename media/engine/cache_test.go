package engine

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"
)

// kept makes a packet of pictures.
func kept(seq uint16) []byte {
	b := make([]byte, rtpHeaderSize, 1200)
	b[0], b[1] = 0x80, 0x80|96
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[8:], 7)
	return append(b, bytes.Repeat([]byte{byte(seq)}, 100)...)
}

// TestRepeater sends again what is kept, not more often than a round trip takes, and no more than half of what was sent.
func TestRepeater(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	r, plain, rtx := repeater{ssrc: 9, seq: 65_535}, func(uint8) uint8 { return 0 }, func(of uint8) uint8 { return of + 1 }
	if r.again(5, plain, 0, now) != nil {
		t.Error("sends what was never sent")
	}
	for seq := uint16(65_000); seq != 1000; seq++ {
		r.sent(kept(seq), seq, now)
	}
	if r.again(1000-cacheSize-1, plain, 0, now.Add(time.Second)) != nil || r.again(1000, plain, 0, now.Add(time.Second)) != nil {
		t.Error("sends what is not kept")
	}
	if r.again(999, plain, 0, now.Add(resendEvery-1)) != nil {
		t.Error("sends what is on its way")
	}
	now = now.Add(resendEvery)
	if got := r.again(999, plain, 0, now); !bytes.Equal(got, kept(999)) {
		t.Errorf("sends % x", got[:rtpHeaderSize])
	}
	for at, want := range map[time.Duration]bool{0: false, 99 * time.Millisecond: false, 100 * time.Millisecond: true} {
		if got := r.again(999, plain, 100*time.Millisecond, now.Add(at)) != nil; got != want {
			t.Errorf("again after %v, with a round trip of 100ms: %v", at, got)
		}
		_, s := r.find(999)
		s.sent = now
	}
	for i, seq := range []uint16{900, 901} {
		got, original := r.again(seq, rtx, 0, now), kept(seq)
		if got[1] != 0x80|97 || binary.BigEndian.Uint16(got[2:]) != uint16(i) || binary.BigEndian.Uint32(got[8:]) != 9 {
			t.Errorf("header % x", got[:rtpHeaderSize])
		}
		if binary.BigEndian.Uint16(got[12:]) != seq || !bytes.Equal(got[14:], original[12:]) || !bytes.Equal(got[4:8], original[4:8]) {
			t.Errorf("of %d: % x", seq, got[:20])
		}
	}
	n := 0
	for seq := uint16(1000 - cacheSize); seq < 1000; seq++ {
		for again := range 8 {
			if r.again(seq, plain, time.Millisecond, now.Add(time.Duration(1+again)*time.Second)) != nil {
				n++
			}
		}
	}
	if want := creditMost/creditEach - 4; n > want || n < want {
		t.Errorf("%d packets sent again at most, want about %d", n, want)
	}
}

// TestRepeaterMemory takes memory for pictures that flow, and gives it back.
func TestRepeaterMemory(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var r repeater
	r.sent(make([]byte, cacheSlot+1), 5, now)
	if r.bytes != nil {
		t.Error("a packet that is too long is kept")
	}
	r.sent(kept(6), 6, now)
	r.rest(now.Add(cacheIdle))
	if pkt, _ := r.find(6); pkt == nil {
		t.Error("forgotten too soon")
	}
	r.rest(now.Add(cacheIdle + 1))
	if pkt, _ := r.find(6); pkt != nil || r.bytes != nil || r.slots != nil {
		t.Error("memory is not given back")
	}
}
