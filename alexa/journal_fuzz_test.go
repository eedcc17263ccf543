package alexa

import (
	"bytes"
	"testing"
)

// FuzzReadJournal reads what may stand in a journal: what is read can be written, and is read again as it was.
func FuzzReadJournal(f *testing.F) {
	for _, text := range []string{
		"", "\n", "{}\n", `{"open":"a","endpoint":"https://x","since":"2026-01-02T03:04:05Z"}` + "\n", `{"open":"a"}` + "\n" + `{"closed":"a"}` + "\n",
		`{"open":"a`, `{"open":"\u0000"}` + "\n", `{"open":"a","since":"9999-12-31T23:59:59+23:59"}` + "\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		calls, err := readJournal(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		var again []byte
		for id, c := range calls {
			if id != c.SessionID || id == "" {
				t.Fatalf("%q stands for %+v", id, c)
			}
			line, err := encodeLine(lineOf(c))
			if err != nil {
				t.Skip("nothing of ours") // a time that cannot be written, or a long address
			}
			again = append(again, line...)
		}
		back, err := readJournal(bytes.NewReader(again))
		if err != nil || len(back) != len(calls) {
			t.Fatalf("%d of %d calls come back, %v", len(back), len(calls), err)
		}
	})
}
