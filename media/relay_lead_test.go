package media_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/media"
)

// leader is an exchanger whose far side's decoders go by what they have heard: it leads three packets.
type leader struct {
	*exchanger
	led int
}

// leadBy is by what the first octet of a packet that is led differs.
const leadBy = 0x80

func (l *leader) Lead(payload []byte) bool {
	if l.closed {
		panic("a closed transcoder leads")
	}
	payload[0] ^= leadBy
	l.led++
	return l.led == 3
}

// leaders are options whose transcoders lead.
func (x *exchangeTable) leaders() *media.RelayOptions {
	o := x.options()
	make := o.Transcode
	o.Transcode = func(from, to media.Codec) (media.Transcoder, error) {
		t, err := make(from, to)
		if err != nil {
			return nil, err
		}
		return &leader{exchanger: t.(*exchanger)}, nil
	}
	return o
}

// wantPassed checks the first octets of what has left, less what was put in them, and where sources begin.
func wantPassed(t *testing.T, why string, got []media.Packet, offs []byte, starts []bool) {
	t.Helper()
	var off []byte
	var start []bool
	for _, p := range got {
		off, start = append(off, p.Payload[0]^byte(p.Seq)), append(start, p.Start)
	}
	if !slices.Equal(off, offs) || !slices.Equal(start, starts) {
		t.Errorf("%s: changed by %x, marks %v; want %x, %v", why, off, start, offs, starts)
	}
}

// TestRelayLeads goes over from a transcoder to what the source says itself, by a packet of the codec in common and by another agreement: its
// first packets are led, digits are not, and the lane is linked only then.
func TestRelayLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newSwitchboard(t)
		var table exchangeTable
		opus, ulaw, event := media.Opus(), media.PCMU(), media.TelephoneEvent(8000)
		wide := audio(sendRecv, opus, event)
		a, b := board.branch(audio(sendRecv, opus, ulaw, event)), board.branch(wide)
		relay(t, a, b, table.leaders())
		_, before, _ := board.counts()
		say := func(codecs ...*media.Codec) []media.Packet {
			for n, c := range codecs {
				p := voice(n)
				if p.Codec = c; c.IsDigits() {
					p.What = media.Digit
				}
				p.Start = false
				a.arrive(media.Audio, p)
				synctest.Wait()
			}
			return b.sent(media.Audio)
		}
		exchanged := exchanged(0, opus)
		wantPassed(t, "in the call", say(&ulaw, &ulaw, &opus, &event, &opus, &opus, &opus, &ulaw),
			[]byte{exchanged, exchanged, leadBy, 0, leadBy, leadBy, 0, exchanged}, []bool{true, false, true, false, false, false, false, true})

		a.agree(wide)
		synctest.Wait()
		if _, made, _ := board.counts(); made != before {
			t.Errorf("%d links are made before the transcoder has led", made-before)
		}
		wantPassed(t, "agreed otherwise", say(&event, &opus, &opus), []byte{0, leadBy, leadBy}, []bool{true, true, false})
		wantPassed(t, "at last", say(&opus), []byte{leadBy}, []bool{false})
		if _, made, _ := board.counts(); made != before+1 {
			t.Errorf("%d links are made when the transcoder has led, want 1", made-before)
		}
		wantPassed(t, "linked", say(&opus), []byte{0}, []bool{false})
		if made, closed := table.counts(); len(made) != 2 || closed != 2 {
			t.Errorf("%d transcoders are made, %d closed", len(made), closed)
		}
	})
}

// TestRelayLeadsNot drops a transcoder that has nothing to lead to, at whatever moment that comes.
func TestRelayLeadsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newSwitchboard(t)
		var table exchangeTable
		opus, ulaw, alaw := media.Opus(), media.PCMU(), media.PCMA()
		a, b := board.branch(audio(sendRecv, opus, ulaw)), board.branch(audio(sendRecv, opus))
		r := relay(t, a, b, table.leaders())
		say := func(why string, c media.Codec, off byte) {
			t.Helper()
			p := voice(1)
			p.Codec = &c
			a.arrive(media.Audio, p)
			synctest.Wait()
			if got := b.sent(media.Audio); len(got) != 1 || got[0].Payload[0]^1 != off {
				t.Errorf("%s: %d packets leave, want one that is changed by %x", why, len(got), off)
			}
		}
		exchanged, narrow := exchanged(0, opus), exchanged(0, ulaw)
		say("transcoded", ulaw, exchanged)
		b.agree(audio(sendRecv, ulaw))
		synctest.Wait()
		say("taken as it is", ulaw, 0)
		say("transcoded the other way", opus, narrow)
		say("led", ulaw, leadBy)
		b.agree(audio(sendRecv, alaw))
		synctest.Wait()
		say("to another codec", ulaw, narrow)
		b.agree(audio(sendRecv, opus))
		synctest.Wait()
		say("transcoded", ulaw, exchanged)
		say("led", opus, leadBy)
		say("transcoded again", ulaw, exchanged)
		a.agree(audio(sendRecv, alaw))
		synctest.Wait()
		say("another source", alaw, exchanged)
		say("led", opus, leadBy)
		_ = r.Close()
		if made, closed := table.counts(); len(made) != closed {
			t.Errorf("%d transcoders are made, %d closed", len(made), closed)
		}
	})
}
