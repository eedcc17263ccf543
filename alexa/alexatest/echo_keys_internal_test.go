package alexatest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/pion/rtp"
)

// TestKeypad looks at the packets of two keys and of the sound between them.
func TestKeypad(t *testing.T) {
	run := &keyRun{codes: []byte{1, 11}, sent: make(chan struct{})}
	k := keypad{runs: []*keyRun{run}}
	var got string
	for n := range 28 {
		h := rtp.Header{PayloadType: 0, Timestamp: uint32(160 * n)}
		if payload := k.frame(&h, 101); payload == nil {
			got += fmt.Sprintf("%d ", h.PayloadType)
		} else {
			got += fmt.Sprintf("%d:%d:%t:%x ", h.PayloadType, h.Timestamp, h.Marker, payload)
		}
	}
	const sound = "0 0 0 0 0 0 "
	want := "101:0:true:010a00a0 101:0:false:010a0140 101:0:false:010a01e0 101:0:false:010a0280 101:0:false:010a0320 " +
		"101:0:false:018a0320 101:0:false:018a0320 101:0:false:018a0320 " + sound +
		"101:2240:true:0b0a00a0 101:2240:false:0b0a0140 101:2240:false:0b0a01e0 101:2240:false:0b0a0280 101:2240:false:0b0a0320 " +
		"101:2240:false:0b8a0320 101:2240:false:0b8a0320 101:2240:false:0b8a0320 " + sound
	if got != want {
		t.Errorf("packets\n%s\nwant\n%s", got, want)
	}
	select {
	case <-run.sent:
	default:
		t.Error("who has pressed the keys still waits")
	}
}

// TestPressFails presses where there are no keys.
func TestPressFails(t *testing.T) {
	m := &pionMedia{done: context.Background()}
	m.accepted, m.dir, m.codec = true, directionOf(true, true), payload{pt: 0, name: CodecPCMU}
	if err := m.press(context.Background(), "1"); !errors.Is(err, errNoKeys) {
		t.Errorf("without telephone-event: %v", err)
	}
	m.events = payload{pt: 101, name: CodecTelephoneEvent}
	if err := m.press(context.Background(), "1x"); err == nil {
		t.Error("x is a key")
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if err := m.press(ended, "1"); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
	m.codec.name = CodecOpus
	if err := m.press(context.Background(), "1"); !errors.Is(err, errNoKeys) {
		t.Errorf("with Opus: %v", err)
	}
	if err := (&cannedMedia{}).press(context.Background(), "1"); !errors.Is(err, errNoKeys) {
		t.Errorf("without media: %v", err)
	}
}
