package testutil_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

func TestOutput(t *testing.T) {
	var o testutil.Output
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for range 100 {
				_, _ = fmt.Fprint(&o, "a line\n")
				if s := o.String(); !strings.HasSuffix(s, "a line\n") {
					t.Errorf("it ends with %q", s[max(0, len(s)-10):])
				}
			}
		})
	}
	work.Wait()
	if got := strings.Count(o.String(), "a line\n"); got != 800 {
		t.Errorf("%d lines, want 800", got)
	}
}
