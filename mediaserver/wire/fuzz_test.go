package wire_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// fuzz checks a kind of document: what is taken is written in a form that is taken for the same, and is then written the same; what is
// refused is refused with an *Error.
func fuzz(f *testing.F, kinds ...kind) {
	f.Helper()
	for _, tt := range caseTable {
		f.Add([]byte(tt.json))
	}
	for _, tt := range refusedTable {
		if len(tt.json) < 4<<10 {
			f.Add([]byte(tt.json))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, k := range kinds {
			v, unknown, err := k.read(data)
			if err != nil {
				if e, ok := errors.AsType[*wire.Error](err); !ok || !utf8.ValidString(e.Path) || len(e.Path) > wire.MaxDepth*300 {
					t.Errorf("%s: %v", k.name, err)
				}
				continue
			}
			if len(unknown) > 16 {
				t.Errorf("%s: %d unknown members", k.name, len(unknown))
			}
			again(t, k, v)
		}
	})
}

func again(t *testing.T, k kind, v any) {
	if n, ok := v.(*mediaserver.Notice); ok && n.Kind == 0 {
		return // of an event that is not known
	}
	first, err := k.write(v)
	if err != nil {
		if strings.Contains(err.Error(), "more than") { // control characters are longer as they are written
			return
		}
		t.Fatalf("%s: not written: %v", k.name, err)
	}
	w, unknown, err := k.read(first)
	if err != nil || len(unknown) > 0 || !same(v, w) {
		t.Fatalf("%s: read again: %v, unknown %q\ngot  %+v\nwant %+v\nof   %s", k.name, err, unknown, w, v, first)
	}
	if second, err := k.write(w); err != nil || string(second) != string(first) {
		t.Errorf("%s: written again: %v\n%s\n%s", k.name, err, first, second)
	}
}

func FuzzRequests(f *testing.F) {
	fuzz(f, newCall, ivrRequest, callEvent, noticeKind(wire.CallNotify), noticeKind(wire.CallAnswered), noticeKind(wire.SessionCompleted), noticeKind(wire.RecordingReady))
}

func FuzzAction(f *testing.F) { fuzz(f, newAction, action) }

func FuzzCommand(f *testing.F) { fuzz(f, command, fallback) }

func FuzzREST(f *testing.F) {
	fuzz(f, restAnswer, requestKind(wire.PlaceIVRCall), requestKind(wire.SplitConnection), requestKind(wire.Connect), requestKind(wire.CreateConferenceConnection),
		requestKind(wire.HangupParticipant), requestKind(wire.StartRecording), requestKind(wire.StopRecording))
}
