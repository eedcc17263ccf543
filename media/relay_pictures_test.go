package media_test

import (
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/media"
)

// TestRelayWaitsForPictures does not ask for streams of pictures before one side has agreed on some, and links them then.
func TestRelayWaitsForPictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newSwitchboard(t)
		a, b := board.branch(phonePlan(sendRecv)), board.branch(phonePlan(sendRecv))
		relay(t, a, b, nil)
		wantLinks(t, "sound alone", board, 2, 2)
		if asked := a.asked + b.asked; asked != 4 {
			t.Errorf("streams are asked for %d times, want one for each end of two links", asked)
		}
		b.agree(withVideo(phonePlan(sendRecv)))
		synctest.Wait()
		wantLinks(t, "pictures of one side", board, 4, 4)
		b.arrive(media.Video, &media.Packet{What: media.KeyFrame, Seq: 1})
		if got := a.sent(media.Video); len(got) != 1 || got[0].What != media.KeyFrame {
			t.Errorf("of the pictures %+v passes", got)
		}
		b.agree(phonePlan(sendRecv))
		synctest.Wait()
		wantLinks(t, "no pictures any more", board, 4, 4)
	})
}
