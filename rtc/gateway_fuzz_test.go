package rtc_test

import (
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/alexacall/alexacall/rtc"
)

// FuzzGatewayError: whatever the event gateway answers, the error is one short line without secrets.
func FuzzGatewayError(f *testing.F) {
	f.Add(403, `{"header":{"namespace":"System"},"payload":{"code":"SKILL_DISABLED_EXCEPTION","description":"off"}}`, "id", "3")
	f.Add(502, `<html>`, "", "")
	f.Add(400, `{"message":"TOPSECRET\r\nTOPSECRETS","payload":{"code":"TOPSECRET"}}`, "TOPSECRET", "Sat, 01 Jan 2000 00:00:02 GMT")
	f.Add(429, `{"payload":{"code":7,"description":{}}}`, "\x1b", "-1")
	f.Fuzz(func(t *testing.T, status int, body, id, retryAfter string) {
		r, err := said(status, body, "X-Amzn-RequestId", id, "Retry-After", retryAfter)(new(http.Request))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		e := rtc.ReadError(r, rtc.DoorbellPress, []string{"TOPSECRET"})
		text := e.Error()
		if strings.Contains(text, "TOPSECRET") || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || len(text) > 1200 || e.RetryAfter < 0 {
			t.Errorf("error %q, wait %v", text, e.RetryAfter)
		}
		if e.Status != status {
			t.Errorf("status %d became %d", status, e.Status)
		}
	})
}
