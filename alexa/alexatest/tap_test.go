package alexatest_test

import (
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// TestTapHearsWhatPionDoesNot has pion close its queue while a compound packet is taken apart: its BYE is heard all the same.
func TestTapHearsWhatPionDoesNot(t *testing.T) {
	heard := 0
	queue := alexatest.NewTap(func([]byte) { heard++ })
	for range 2 {
		if n, err := queue.Write([]byte{1, 2, 3}); n != 3 || err != nil {
			t.Errorf("%d bytes taken, %v", n, err)
		}
		must(t, queue.Close())
	}
	if heard != 2 {
		t.Errorf("%d packets heard, want 2", heard)
	}
}
