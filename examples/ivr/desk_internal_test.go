package main

import (
	"testing"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/mediaserver"
)

func newTestDesk() *frontDesk {
	return newFrontDesk(&options{pbx: "sip:reception@pbx", housekeeping: "sip:housekeeping@pbx"})
}

// TestKeys presses each key, one that stands for nobody, and none.
func TestKeys(t *testing.T) {
	d := newTestDesk()
	for pressed, reaches := range map[string]string{
		"1": "sip:reception@pbx", "2": "sip:housekeeping@pbx", "3": "sip:reception@pbx", "": "sip:reception@pbx", "7": "",
	} {
		c, err := d.IVRCommand(t.Context(), &mediaserver.IVRRequest{Digits: &mediaserver.DigitsResult{Digits: pressed}})
		switch {
		case err != nil:
			t.Error(err)
		case reaches == "" && (c.Call != nil || len(c.Phrases) != 1 || c.Digits == nil):
			t.Errorf("key %q does not have the greeting repeated: %+v", pressed, c)
		case reaches != "" && (c.Call == nil || c.Call.Kind != mediaserver.Call || c.Call.Addr != reaches):
			t.Errorf("key %q has %+v called, want %s", pressed, c.Call, reaches)
		}
	}
}

// TestDivert has departments that do not answer: the reception takes their calls, and nobody those of the reception.
func TestDivert(t *testing.T) {
	d := newTestDesk()
	event := func(kind mediaserver.EventKind, session string, why bridge.Cause) *mediaserver.Action {
		a, err := d.CallEvent(t.Context(), &mediaserver.CallEvent{SessionInfo: mediaserver.SessionInfo{SessionID: session}, Event: kind, Reason: why})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := event(mediaserver.CalledPartyDrop, "a", bridge.Normal); a.Kind != mediaserver.Drop {
		t.Errorf("after a talk: %+v", a)
	}
	if a := event(mediaserver.CallingPartyDrop, "a", bridge.Unreachable); a.Kind != mediaserver.Drop {
		t.Errorf("after the guest has left: %+v", a)
	}
	for _, session := range []string{"a", "b"} {
		if a := event(mediaserver.CalledPartyDrop, session, bridge.Busy); a.Kind != mediaserver.Call || a.Addr != "sip:reception@pbx" {
			t.Errorf("when a department is busy: %+v", a)
		}
		if a := event(mediaserver.CalledPartyDrop, session, bridge.NoAnswer); a.Kind != mediaserver.Drop {
			t.Errorf("when the reception does not answer: %+v", a)
		}
		d.Notify(t.Context(), &mediaserver.Notice{SessionInfo: mediaserver.SessionInfo{SessionID: session}, Kind: mediaserver.SessionCompleted})
	}
	if len(d.diverted) != 0 {
		t.Errorf("sessions that are over are remembered: %v", d.diverted)
	}
}
