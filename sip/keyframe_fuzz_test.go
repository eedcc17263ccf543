package sip

import (
	"strings"
	"testing"
)

// FuzzMediaControl parses bodies of INFO: none asks for a key frame without naming it, and ours is understood.
func FuzzMediaControl(f *testing.F) {
	if update, ok := parseMediaControl([]byte(pictureFastUpdate)); !update || !ok {
		f.Fatal("our own request is not understood")
	}
	for _, s := range []string{pictureFastUpdate, "<media_control/>", "<media_control><a:picture_fast_update xmlns:a='x'/>", "<!DOCTYPE x [<!ENTITY a 'b'>]><media_control>&a;", "<?xml version='1.0' encoding='latin1'?><media_control/>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		update, ok := parseMediaControl(body)
		if update && (!ok || !strings.Contains(string(body), "picture_fast_update")) || ok && !strings.Contains(string(body), "media_control") {
			t.Errorf("%v, %v", update, ok)
		}
	})
}
