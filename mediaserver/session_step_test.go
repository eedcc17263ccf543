package mediaserver

import (
	"slices"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// TestStep takes a session through what legs in memory never do.
func TestStep(t *testing.T) {
	talk := []input{
		{kind: inCame}, {kind: inDecided, question: 1, action: &Action{Kind: Call, Record: true, Filename: "x"}}, {kind: inUp, party: 1}, {kind: inUp, party: 2},
	}
	room := slices.Concat(talk, []input{
		{kind: inConference}, {kind: inSplit, link: 1}, {kind: inDecided, question: 2, link: 2, action: &Action{Kind: JoinConference}},
	})
	for name, c := range map[string]struct {
		before []input
		in     input
		want   []doKind
	}{
		"two who cannot be joined": {talk, input{kind: inJointEnded, link: 1, err: &bridge.EndError{Cause: bridge.Media}}, []doKind{doHangup}},
		"a joint of before":        {talk, input{kind: inJointEnded, link: 7}, nil},
		"an answer to nothing":     {talk, input{kind: inDecided, question: 9, action: &Action{Kind: IVR}}, nil},
		"an answer twice":          {talk, talk[1], nil},
		"somebody up twice":        {talk, talk[3], nil},
		"somebody unknown goes":    {talk, input{kind: inGone, party: 9}, nil},
		"a recording that failed":  {talk, input{kind: inRecorded, recorded: recorded{link: 1, truncated: true}}, []doKind{doTell}},
		"a seat is lost":           {room, input{kind: inSeatLost, party: 1, link: 2}, []doKind{doHangup}},
		"a seat of before":         {room, input{kind: inSeatLost, party: 1, link: 1}, nil},
		"the end of the server":    {talk, input{kind: inEnd}, []doKind{doStopRecord, doHangup, doHangup}},
		"an IVR of before":         {talk, input{kind: inIVRLeft, link: 9}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			now, s := time.Unix(0, 0), state{}
			for i := range c.before {
				now = now.Add(time.Second)
				s, _ = stepSession(s, now, &c.before[i])
			}
			_, deeds := stepSession(s, now.Add(time.Second), &c.in)
			var got []doKind
			for _, d := range deeds {
				got = append(got, d.kind)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("deeds %v, want %v", got, c.want)
			}
		})
	}
}

// TestStepLeavesItsState has two steps from one state: the first changes nothing for the second.
func TestStepLeavesItsState(t *testing.T) {
	s, _ := stepSession(state{}, time.Now(), &input{kind: inCame})
	first, _ := stepSession(s, time.Now(), &input{kind: inUp, party: 1})
	second, _ := stepSession(s, time.Now(), &input{kind: inGone, party: 1})
	if first.over || !second.over || s.over || s.parties[0].phase != partyCame {
		t.Errorf("%+v, %+v of %+v", first, second, s)
	}
}

func FuzzReplyID(f *testing.F) {
	seal := newSeal("hotel.example")
	f.Add(seal.sign("S-c1"))
	f.Add("S-c1.x")
	f.Fuzz(func(t *testing.T, reply string) {
		if id, err := seal.open(reply); err == nil && reply != seal.sign(id) {
			t.Errorf("%q was taken for %q", reply, id)
		}
		for _, kind := range []byte{idParty, idLink, idQuestion} {
			if session, n, ok := parseID(reply, kind); ok && idOf(session, kind, linkID(n)) != reply {
				t.Errorf("%q was taken for %d of %q", reply, n, session)
			}
		}
	})
}
