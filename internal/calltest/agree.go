package calltest

import (
	"testing"

	"github.com/alexacall/alexacall/media"
)

// Agree opens a terminal on each of two engines, the first with o, and has them agree on codecs of sound as two phones do. Both are closed when
// the test ends.
func Agree(t testing.TB, near, far media.Engine, codecs []media.Codec, o *media.OpenOptions) (here, there media.Terminal) {
	t.Helper()
	policy := media.Phone()
	policy.Audio = codecs
	open := func(e media.Engine, o *media.OpenOptions) media.Terminal {
		term, err := e.Open(policy, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = term.Close() })
		return term
	}
	here, there = open(near, o), open(far, nil)
	offer, err := here.Offer(nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := there.Answer(offer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := here.Accept(answer); err != nil {
		t.Fatal(err)
	}
	return here, there
}
