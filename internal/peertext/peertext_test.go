package peertext_test

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alexacall/alexacall/internal/peertext"
)

func TestRedact(t *testing.T) {
	secrets := []string{"72", "", "7201", "Reception"}
	if got := peertext.Redact("no 7201 and 72 at Reception", secrets); got != "no [redacted] and [redacted] at [redacted]" {
		t.Error(got)
	}
	if got := peertext.Redact("at Rec\xffep\uFFFDtion", secrets); got != "at [redacted]" {
		t.Error(got)
	}
	if secrets[0] != "72" {
		t.Error("the caller's list was sorted")
	}
}

var printableTable = []struct {
	s     string
	limit int
	want  string
}{
	{"", 0, ""},
	{"as it is, é", 20, "as it is, é"},
	{"a\r\nb\x00c\x7fd\u0085e", 20, "a  b c d e"},
	{"two\u2028lines\u2029more", 20, "two lines more"},
	{"no \xff\xfe text", 20, "no  text"},
	{"more than six", 6, "more t..."},
	{"cut in éé", 8, "cut in ..."},
}

func TestPrintable(t *testing.T) {
	for _, tt := range printableTable {
		if got := peertext.Printable(tt.s, tt.limit); got != tt.want {
			t.Errorf("%q, %d: got %q, want %q", tt.s, tt.limit, got, tt.want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	for _, tt := range printableTable {
		f.Add(tt.s, tt.limit)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < 0 || limit > 1000 {
			t.Skip("no limit of ours")
		}
		got := peertext.Printable(s, limit)
		if len(got) > limit+len("...") || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("got %q", got)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "2147483647": 1<<31*time.Second - time.Second, "2147483648": 0, "-1": 0, "+1": 0, " 1": 0, "1.5": 0, "soon": 0,
		"Fri, 02 Jan 2026 03:04:35 GMT": 30 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0,
	} {
		if got := peertext.RetryAfter(header, now); got != want {
			t.Errorf("%q: got %v, want %v", header, got, want)
		}
	}
}
