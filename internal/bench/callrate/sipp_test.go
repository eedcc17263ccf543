package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestReadStat reads counts as SIPp 3.6 writes them: the last whole line is what counts.
func TestReadStat(t *testing.T) {
	const head = "StartTime;CurrentTime;CallRate(C);SuccessfulCall(C);FailedCall(C);Retransmissions(C);\n"
	const first = "2026-11-21\t15:34:16.240720\t1795275256.250000;2026-11-21\t15:34:18.240720\t1795275258.250000;10;20;1;3;\n"
	const second = "2026-11-21\t15:34:16.240720\t1795275256.250000;2026-11-21\t15:34:19.740720\t1795275259.750000;10;30;2;4;\n"
	for _, c := range []struct {
		name, text string
		want       counts
	}{
		{"nothing", "", counts{}},
		{"no line yet", head, counts{}},
		{"one line", head + first, counts{20, 1, 3, 2 * time.Second}},
		{"two lines", head + first + second, counts{30, 2, 4, 3500 * time.Millisecond}},
		{"half a line", head + first + second[:90], counts{20, 1, 3, 2 * time.Second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "stat.csv")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := readStat(file); err != nil || got != c.want {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
	if got, err := readStat(filepath.Join(t.TempDir(), "none")); err != nil || got != (counts{}) {
		t.Errorf("without a file: got %+v, %v", got, err)
	}
}
