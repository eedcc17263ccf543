package media_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
)

// TestSilenceNames gives every cause a name of its own.
func TestSilenceNames(t *testing.T) {
	seen := map[string]media.Silence{}
	for s := media.NotSilent; s <= media.SilentRefused; s++ {
		name := s.String()
		if before, twice := seen[name]; twice || name == "" || strings.HasPrefix(name, "unknown") {
			t.Errorf("%d and %d are both %q", before, s, name)
		}
		seen[name] = s
	}
	if got := (media.SilentRefused + 1).String(); got != "unknown(17)" {
		t.Errorf("what is none is %q", got)
	}
	err := &media.SilentError{Kind: media.Audio, Why: media.SilentStopped, For: time.Minute + 3*time.Millisecond}
	if got := err.Error(); got != "media: no audio for 1m0s: stopped" {
		t.Errorf("error %q", got)
	}
}
