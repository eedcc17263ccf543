package testutil_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

func TestSeeds(t *testing.T) {
	t.Setenv(testutil.SeedEnv, "")
	seeds := slices.Collect(testutil.Seeds(t, 5))
	if len(seeds) != 5 || seeds[4]-seeds[0] != 4 {
		t.Errorf("the seeds of five runs: %v", seeds)
	}
	t.Setenv(testutil.SeedEnv, "18446744073709551615")
	if seeds := slices.Collect(testutil.Seeds(t, 5)); !slices.Equal(seeds, []uint64{1<<64 - 1}) {
		t.Errorf("the seeds of a repetition: %v", seeds)
	}
	var ran []uint64
	got := new(fakeTB).run(func(tb testing.TB) {
		t.Setenv(testutil.SeedEnv, "7 o'clock")
		for seed := range testutil.Seeds(tb, 5) {
			ran = append(ran, seed)
		}
	})
	if len(ran) != 0 || !strings.Contains(got.failed, testutil.SeedEnv) {
		t.Errorf("a seed that is none: ran with %v, failed with %q", ran, got.failed)
	}
}

func TestSeedsEndAtAFailure(t *testing.T) {
	t.Setenv(testutil.SeedEnv, "")
	tb := &failing{TB: t}
	ran := 0
	for range testutil.Seeds(tb, 5) {
		ran++
		tb.failed = ran == 2
	}
	if ran != 2 || !strings.Contains(tb.logged, testutil.SeedEnv) {
		t.Errorf("%d runs where the second fails, logged %q", ran, tb.logged)
	}
	ended := new(fakeTB).run(func(inner testing.TB) {
		tb = &failing{TB: inner}
		for range testutil.Seeds(tb, 5) {
			tb.Fatal("and ends here")
		}
	})
	if ended.failed == "" || !strings.Contains(tb.logged, "repeat") {
		t.Errorf("a run that ends the test at once: logged %q", tb.logged)
	}
}

// failing is a test that can fail without failing this one.
type failing struct {
	testing.TB
	failed bool
	logged string
}

func (f *failing) Failed() bool { return f.failed }

func (f *failing) Logf(format string, args ...any) { f.logged += fmt.Sprintf(format, args...) }
