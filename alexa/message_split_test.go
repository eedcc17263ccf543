package alexa

import (
	"encoding/json"
	"maps"
	"testing"
)

// FuzzSplit holds split against encoding/json.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{
		`{}`, ` { } `, `{"a":1}`, `{"a":-1.5E+3,"b":true,"c":null,"d":[1,{"e":"}"}],"f":{"g":[]},"h":"\"\\"}`, "{\n\t\"a\" : [ 1 , 2 ] ,\r\n \"b\" : { } }",
		`{"a":1,"a":2}`, `{"\u0061":1,"a\"b":2,"ü":3,"":4}`, `{"a":"\ud800"}`, "{\"\xff\":1}", `null`, `[]`, `"{}"`, `1`, ``, `{`, `{"a`, `{"a"`, `{"a":`,
		`{"a":1`, `{"a":1,`, `{"a":[`, `{"a":"`, `{"a":"\`, `{a:1}`, `{"a" 1}`, `{"a":1 "b":2}`, `{"a":}`, `{"a":]}`, `{,}`, `{"a":{"b":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := split(data)
		if !json.Valid(data) {
			return // it has not panicked
		}
		var want object
		if json.Unmarshal(data, &want) != nil || want == nil {
			if err == nil {
				t.Errorf("%q: got %q, want an error", data, got)
			}
			return
		}
		if err != nil || !maps.EqualFunc(got, want, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
			t.Errorf("%q: got %q, %v; want %q", data, got, err, want)
		}
	})
}
