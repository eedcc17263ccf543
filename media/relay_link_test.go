package media_test

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media"
)

// pass lets a packet arrive at from and checks what leaves to: once, as sound of a codec, exchanged or as it came.
func pass(t *testing.T, why string, from, to *branch, n int, source, target media.Codec) {
	t.Helper()
	p := voice(n)
	p.Codec = &source
	from.arrive(media.Audio, p)
	synctest.Wait()
	want := byte(n)
	if source != target {
		want = exchanged(byte(n), target)
	}
	got := to.sent(media.Audio)
	if len(got) != 1 || int(got[0].Seq) != n || *got[0].Codec != target || got[0].Payload[0] != want {
		t.Errorf("%s: packet %d of %v leaves as %+v, want once in %v", why, n, source, got, target)
	}
}

func wantLinks(t *testing.T, why string, board *switchboard, stand, made int) {
	t.Helper()
	if s, m, u := board.counts(); s != stand || m != made || u != made-stand {
		t.Errorf("%s: %d links stand, %d made, %d undone; want %d, %d, %d", why, s, m, u, stand, made, made-stand)
	}
}

// TestRelayLinks links what can be linked, without a goroutine, and beside a tap.
func TestRelayLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newSwitchboard(t)
		a, b := board.branch(withVideo(phonePlan(sendRecv))), board.branch(withVideo(phonePlan(sendRecv)))
		before := runtime.NumGoroutine()
		r := relay(t, a, b, (&exchangeTable{}).options())
		wantLinks(t, "both kinds, both ways", board, 4, 4)
		if runtime.NumGoroutine() > before || a.lines[0].fan.Active() {
			t.Error("a linked relay has a goroutine or a reader")
		}
		tap := a.Stream(media.Audio).Reader()
		defer tap.Close()
		pass(t, "linked", a, b, 1, media.PCMU(), media.PCMU())
		pass(t, "linked, the other way", b, a, 2, media.PCMU(), media.PCMU())
		a.arrive(media.Video, &media.Packet{What: media.KeyFrame, Seq: 3})
		if got := b.sent(media.Video); len(got) != 1 || got[0].What != media.KeyFrame {
			t.Errorf("the other kind passes %+v", got)
		}
		if got := read(t, tap).Seq; got != 1 {
			t.Errorf("the tap hears %d, want 1", got)
		}
		_ = r.Close()
		_ = r.Close()
		wantLinks(t, "closed", board, 0, 4)
		a.arrive(media.Audio, voice(4))
		if got := b.sent(media.Audio); got != nil {
			t.Errorf("after Close %+v passes", got)
		}
		a.agree(nil) // nobody is told any more
		synctest.Wait()
	})
}

// TestRelayFollows goes from link to transcoder and back as what is agreed changes, on either side.
func TestRelayFollows(t *testing.T) {
	ulaw, alaw, wide := phonePlan(sendRecv), audio(sendRecv, media.PCMA()), audio(sendRecv, media.Opus())
	synctest.Test(t, func(t *testing.T) {
		board := newSwitchboard(t)
		var table exchangeTable
		a, b := board.branch(ulaw), board.branch(ulaw)
		relay(t, a, b, table.options())
		wantLinks(t, "at first", board, 2, 2)
		made := 4 // with those for pictures, once the sound tells of nothing
		for round := range 3 {
			n := 10 * round
			pass(t, "linked", a, b, n, media.PCMU(), media.PCMU())

			b.agree(alaw)
			synctest.Wait()
			wantLinks(t, "PCMU to PCMA", board, 2, made) // the pictures' links stand
			pass(t, "PCMU to PCMA", a, b, n+1, media.PCMU(), media.PCMA())
			pass(t, "PCMA to PCMU", b, a, n+2, media.PCMA(), media.PCMU())

			b.agree(wide)
			synctest.Wait()
			pass(t, "another target", a, b, n+3, media.PCMU(), media.Opus())
			pass(t, "another source", b, a, n+4, media.Opus(), media.PCMU())

			a.agree(wide)
			synctest.Wait()
			made += 2
			wantLinks(t, "both wide", board, 4, made)
			pass(t, "linked again", a, b, n+5, media.Opus(), media.Opus())
			if all, closed := table.counts(); len(all) != closed || len(all) != 5*round+4 {
				t.Errorf("%d transcoders, %d closed; want %d, all closed", len(all), closed, 5*round+4)
			}
			a.agree(ulaw)
			synctest.Wait()
			pass(t, "one wide", a, b, n+6, media.PCMU(), media.Opus())
			b.agree(ulaw)
			synctest.Wait()
			made += 2
			wantLinks(t, "as at first", board, 4, made)
		}
	})
}

// TestRelayFollowsWithoutLinks goes from transcoders to links where no link stands that could tell of the change.
func TestRelayFollowsWithoutLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newSwitchboard(t)
		board.refuses = func(k media.Kind) bool { return k == media.Video }
		var table exchangeTable
		a, b := board.branch(phonePlan(sendRecv)), board.branch(audio(sendRecv, media.PCMA()))
		relay(t, a, b, table.options())
		wantLinks(t, "nothing in common", board, 0, 0)
		pass(t, "PCMU to PCMA", a, b, 1, media.PCMU(), media.PCMA())
		pass(t, "PCMA to PCMU", b, a, 2, media.PCMA(), media.PCMU())
		b.agree(audio(sendRecv, media.Opus()))
		synctest.Wait()
		if made, closed := table.counts(); len(made) != 2 || closed != 1 {
			t.Errorf("%d transcoders, %d closed; want 2, and the one for what b sent before closed", len(made), closed)
		}
		b.agree(phonePlan(sendRecv))
		synctest.Wait()
		wantLinks(t, "in common", board, 2, 2)
		if made, closed := table.counts(); len(made) != closed {
			t.Errorf("%d transcoders, %d closed", len(made), closed)
		}
		pass(t, "linked", a, b, 3, media.PCMU(), media.PCMU())
	})
}

// TestRelayLeavesEndpointsAlone is told of a change after Close, as can happen: it does not touch the endpoints any more.
func TestRelayLeavesEndpointsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newSwitchboard(t)
		a, b := board.branch(phonePlan(sendRecv)), board.branch(phonePlan(sendRecv))
		r := relay(t, a, b, (&exchangeTable{}).options())
		var late func()
		for w := range board.links {
			late = w.changed
		}
		_ = r.Close()
		asked := a.asked + b.asked
		late()
		synctest.Wait()
		if got := a.asked + b.asked; got != asked {
			t.Errorf("after Close the endpoints are asked for streams %d times", got-asked)
		}
	})
}

// TestRelayFollowsLateAgreement links before anything is agreed, and follows what comes of it.
func TestRelayFollowsLateAgreement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newSwitchboard(t)
		var table exchangeTable
		a, b := board.branch(nil), board.branch(phonePlan(sendRecv))
		relay(t, a, b, table.options())
		wantLinks(t, "nothing agreed", board, 2, 2)
		a.agree(phonePlan(sendRecv))
		synctest.Wait()
		wantLinks(t, "agreed alike", board, 2, 2)
		pass(t, "agreed alike", b, a, 1, media.PCMU(), media.PCMU())
		a.agree(audio(sendRecv, media.PCMA()))
		synctest.Wait()
		pass(t, "agreed otherwise", b, a, 2, media.PCMU(), media.PCMA())
	})
}

// TestRelayTakesNoChances transcodes where one side may send what the other does not take, though they have a codec in common.
func TestRelayTakesNoChances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newSwitchboard(t)
		var table exchangeTable
		a, b := board.branch(audio(sendRecv, media.Opus(), media.PCMU())), board.branch(phonePlan(sendRecv))
		r := relay(t, a, b, table.options())
		wantLinks(t, "the audio of b, and pictures beside that of a", board, 2, 2)
		pass(t, "the codec in common", a, b, 1, media.PCMU(), media.PCMU())
		pass(t, "the other one", a, b, 2, media.Opus(), media.PCMU())
		pass(t, "the codec in common again", a, b, 3, media.PCMU(), media.PCMU())
		pass(t, "back", b, a, 4, media.PCMU(), media.PCMU())
		_ = r.Close()
		if made, closed := table.counts(); !slices.Equal(made, []string{"opus/48000/2 to PCMU/8000"}) || closed != 1 {
			t.Errorf("transcoders %v, %d closed", made, closed)
		}
	})
}

// TestRelayJoinsSources marks the first packet of each source that the outgoing stream has to join: the transcoder's, and the one
// that comes as it is after it.
func TestRelayJoinsSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newSwitchboard(t)
		board.refuses = func(media.Kind) bool { return true }
		a, b := board.branch(audio(sendRecv, media.Opus(), media.PCMU())), board.branch(phonePlan(sendRecv))
		relay(t, a, b, (&exchangeTable{}).options())
		opus, ulaw := media.Opus(), media.PCMU()
		for n, c := range []*media.Codec{&ulaw, &ulaw, &opus, &opus, &ulaw, &ulaw, &opus} {
			p := voice(n)
			p.Codec = c
			a.arrive(media.Audio, p)
			synctest.Wait()
		}
		var starts []bool
		for _, p := range b.sent(media.Audio) {
			starts = append(starts, p.Start)
		}
		if want := []bool{true, false, true, false, true, false, true}; !slices.Equal(starts, want) {
			t.Errorf("marks %v, want %v", starts, want)
		}
		wantLinks(t, "refused", board, 0, 0)
	})
}

// TestRelayWithoutTranscoding stays linked whatever is agreed, and counts what the far side does not take.
func TestRelayWithoutTranscoding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newSwitchboard(t)
		a, b := board.branch(phonePlan(sendRecv)), board.branch(phonePlan(sendRecv))
		relay(t, a, b, nil)
		b.agree(audio(sendRecv, media.PCMA()))
		synctest.Wait()
		wantLinks(t, "nothing in common any more", board, 2, 2)
		a.arrive(media.Audio, voice(1))
		synctest.Wait()
		if got := b.Stream(media.Audio).Stats().Out; got.Mismatched != 1 || got.Packets != 0 {
			t.Errorf("counted %+v", got)
		}
	})
}

// TestRelayBesideAnEngine keeps the way from a stream that can never be linked as it is, whatever changes on the other side.
func TestRelayBesideAnEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newSwitchboard(t)
		a := board.branch(phonePlan(sendRecv))
		b, bob := media.Pipe(phonePlan(sendRecv))
		relay(t, a, b, (&exchangeTable{}).options())
		for n := range 3 {
			write(t, bob.Stream(media.Audio), voice(n))
			a.agree(phonePlan(sendRecv))
			synctest.Wait()
			if got := a.sent(media.Audio); len(got) != 1 || got[0].Start != (n == 0) {
				t.Errorf("packet %d passes as %+v", n, got)
			}
		}
	})
}

// TestRelayAcrossEngines copies where the two streams have no engine in common.
func TestRelayAcrossEngines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := newSwitchboard(t), newSwitchboard(t)
		a, b := here.branch(phonePlan(sendRecv)), there.branch(phonePlan(sendRecv))
		relay(t, a, b, (&exchangeTable{}).options())
		pass(t, "copied", a, b, 1, media.PCMU(), media.PCMU())
		b.agree(audio(sendRecv, media.PCMA()))
		synctest.Wait()
		pass(t, "transcoded", a, b, 2, media.PCMU(), media.PCMA())
		b.agree(phonePlan(sendRecv))
		synctest.Wait()
		pass(t, "copied again", a, b, 3, media.PCMU(), media.PCMU())
		wantLinks(t, "here", here, 0, 0)
		wantLinks(t, "there", there, 0, 0)
	})
}

// TestRelayUnderStress changes what is agreed on both sides, lets packets arrive and closes, all at once: nothing hangs, nothing is
// left, and no packet passes twice.
func TestRelayUnderStress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for round := range 20 {
			board := newSwitchboard(t)
			var table exchangeTable
			a, b := board.branch(phonePlan(sendRecv)), board.branch(phonePlan(sendRecv))
			r := relay(t, a, b, table.options())
			plans := []media.Plan{phonePlan(sendRecv), audio(sendRecv, media.PCMA()), audio(sendRecv, media.Opus(), media.PCMU()), nil}
			var all sync.WaitGroup
			for i, leg := range []*branch{a, b} {
				all.Go(func() {
					for n := range 50 {
						leg.agree(plans[(n*(i+1)+round)%len(plans)])
						time.Sleep(time.Duration(n%3) * time.Millisecond)
					}
				})
				all.Go(func() {
					for n := range 100 {
						p := voice(n)
						p.Start = false
						leg.arrive(media.Audio, p)
						time.Sleep(time.Millisecond)
					}
				})
			}
			all.Go(func() {
				time.Sleep(time.Duration(round) * 5 * time.Millisecond)
				_ = r.Close()
			})
			all.Wait()
			_ = r.Close()
			if stand, made, undone := board.counts(); stand != 0 || made != undone {
				t.Errorf("%d links stand of %d", stand, made)
			}
			if made, closed := table.counts(); len(made) != closed {
				t.Errorf("%d of %d transcoders are closed", closed, len(made))
			}
			for _, leg := range []*branch{a, b} {
				seen := map[uint16]bool{}
				for _, p := range leg.sent(media.Audio) {
					if seen[p.Seq] {
						t.Errorf("packet %d passes twice", p.Seq)
					}
					seen[p.Seq] = true
				}
				if leg.lines[0].fan.Active() {
					t.Error("a reader is left")
				}
			}
		}
	})
}
