package audio_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media/audio"
)

// FuzzFetchHeader: whatever a server says of a file, it is kept for a bounded time, and what is said back to the server is short and its own.
func FuzzFetchHeader(f *testing.F) {
	f.Add("max-age=60, must-revalidate", "", "", `"v1"`, "Sat, 01 Jan 2000 00:00:00 GMT", "10", "no-cache")
	f.Add("", "Sat, 01 Jan 2000 01:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT", "", "", "", "")
	f.Add(`max-age="99999999999999999999"`, "0", "never", "W/\"<&>\xe9\"", "yesterday", "-1", "max-age=18446744073709551615")
	f.Add("MAX-AGE = 5,,=,no-store", "", "", "", "", "9223372036854775808", "private=\"a, b\"")
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, control, expires, date, tag, modified, age, again string) {
		h := http.Header{"Cache-Control": {control}, "Expires": {expires}, "Date": {date}, "Etag": {tag}, "Last-Modified": {modified}, "Age": {age}}
		until, renewed, asks, head := audio.Kept(h, http.Header{"Cache-Control": {again}, "Age": {age}}, now)
		for _, u := range []time.Time{until, renewed} {
			if u.Before(now) || u.Sub(now) > audio.MaxFresh {
				t.Errorf("kept until %v", u)
			}
		}
		for name, said := range map[string]string{"If-None-Match": tag, "If-Modified-Since": modified} {
			if got := asks.Get(name); got != "" && (got != said || len(got) > audio.MaxValidator) {
				t.Errorf("%s: %q, where the server has said %q", name, got, said)
			}
		}
		if len(head) > 0 && !json.Valid(head) {
			t.Errorf("kept as %q", head)
		}
	})
}
