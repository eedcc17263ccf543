package rest_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestFallbacks(t *testing.T) {
	s := newStage(t)
	const path = "/cache/" + ours + "/ivrfallback"
	const until, command = `"mode":"onError","expiration":4102444800,`, `"command":{"phrases":[{"format":"file","fileName":"sorry.wav"}],` +
		`"action":{"type":"call","destAddr":"sip:desk@customer.example","maxRingTime":20}}`
	const stored = until + command
	expect(t, "none", s.do(http.MethodGet, path, ""), 200, `{"success":true,"data":[]}`)
	expect(t, "none of it", s.do(http.MethodGet, path+"/+4670", ""), 404, failed("not there"))
	expect(t, "stored", s.do(http.MethodPost, path+"/+4670", "{"+stored+"}"), 200, done)
	expect(t, "another", s.do(http.MethodPost, path+"/100", `{"mode":"always","command":{"action":{"type":"hangup"}}}`), 200, done)
	expect(t, "all", s.do(http.MethodGet, path, ""), 200, `{"success":true,"data":["+4670","100"]}`)
	got := s.do(http.MethodGet, path+"/%2B4670", "").body
	if !strings.HasPrefix(got, `{"success":true,"data":{`+until+`"ttl":`) || !strings.HasSuffix(got, command+"}}") {
		t.Errorf("got %s", got)
	}
	elsewhere := strings.Replace(path, ours, theirs, 1)
	token := "Bearer " + tokenOf(t, theirs)
	expect(t, "another domain's", s.doWith(http.MethodGet, elsewhere, "", "Authorization", token), 200, `{"success":true,"data":[]}`)
	expect(t, "one of another domain's", s.doWith(http.MethodDelete, elsewhere+"/100", "", "Authorization", token), 404, failed("not there"))
	expect(t, "removed", s.do(http.MethodDelete, path+"/100", ""), 200, done)
	expect(t, "removed again", s.do(http.MethodDelete, path+"/100", ""), 404, failed("not there"))

	expect(t, "no number", s.do(http.MethodPost, path+"/a%20b", "{"+stored+"}"), 400, failed("not a number"))
	expect(t, "over", s.do(http.MethodPost, path+"/7", `{"mode":"always","expiration":1,"command":{"action":{"type":"hangup"}}}`), 400, failed("expiration: has passed"))
	for body, reason := range map[string]string{
		`{}`:                                "mode: missing",
		`{"mode":"always"}`:                 "command: missing",
		`{"mode":"sometimes","command":{}}`: "mode: unknown",
		`{"mode":"always","command":{"action":1}}`: "command.action: not a string",
	} {
		expect(t, body, s.do(http.MethodPost, path+"/7", body), 400, failed(reason))
	}
}
