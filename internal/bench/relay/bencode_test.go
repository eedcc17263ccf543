//go:build linux && (amd64 || arm64)

package main

import (
	"reflect"
	"testing"
)

// bencodeTable has each value beside the only way to write it.
var bencodeTable = []struct {
	text string
	v    any
}{
	{"i0e", 0},
	{"i-12e", -12},
	{"0:", ""},
	{"4:spam", "spam"},
	{"le", []any{}},
	{"l4:spami3ee", []any{"spam", 3}},
	{"de", dict{}},
	{"d7:command4:ping7:replacel6:originee", dict{"command": "ping", "replace": []any{"origin"}}},
	{"d1:ad1:bi1eee", dict{"a": dict{"b": 1}}},
}

func TestBencode(t *testing.T) {
	for _, c := range bencodeTable {
		v, err := parseBencode([]byte(c.text))
		if err != nil || !reflect.DeepEqual(v, c.v) {
			t.Errorf("%q: got %#v, %v, want %#v", c.text, v, err, c.v)
		}
		if got := appendBencode(nil, c.v); string(got) != c.text {
			t.Errorf("%#v: got %q, want %q", c.v, got, c.text)
		}
	}
}

func TestBencodeRefuses(t *testing.T) {
	for _, text := range []string{
		"", "i", "i1", "ie", "iee", "5:spam", "-1:x", "99999999999:x", "l", "l1:a", "d", "d1:ae", "di1e1:ae", "4:spamx", "x", "lllllllllleeeeeeeeee",
	} {
		if v, err := parseBencode([]byte(text)); err == nil {
			t.Errorf("%q: got %#v, want an error", text, v)
		}
	}
}

func FuzzBencode(f *testing.F) {
	for _, c := range bencodeTable {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parseBencode(b)
		if err != nil {
			return
		}
		again, err := parseBencode(appendBencode(nil, v))
		if err != nil || !reflect.DeepEqual(v, again) {
			t.Errorf("%q: got %#v after a second turn, %v, want %#v", b, again, err, v)
		}
	})
}
