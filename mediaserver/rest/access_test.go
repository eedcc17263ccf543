package rest_test

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/alexacall/alexacall/mediaserver/rest"
)

const split, splitBody = base + "splitconnection", `{"connectionId":"c1","replyId":"r1"}`

// everything is a request to each path that wants a token.
func everything() (requests [][2]string) {
	for _, route := range rest.Paths() {
		method, path, _ := strings.Cut(route, " ")
		if method == http.MethodOptions || strings.Contains(path, "openapi") {
			continue
		}
		path = strings.NewReplacer("{domain}", ours, "{filename}", "a.wav", "{number}", "100").Replace(path)
		requests = append(requests, [2]string{method, path})
	}
	return requests
}

func TestTokens(t *testing.T) {
	now := time.Now().Unix()
	sum := sha256.Sum256([]byte(splitBody))
	hash := hex.EncodeToString(sum[:])
	key := keys()[ours]
	for _, c := range []struct {
		name, auth string
		status     int
		reason     string
	}{
		{"none", "", 401, "no valid token"},
		{"another scheme", "Basic YTpi", 401, "no valid token"},
		{"no token", "Bearer x", 401, "no valid token"},
		{"expired", "Bearer " + sign(t, key, jwt.MapClaims{"iss": ours, "exp": now - 120}), 401, "token not valid at this time"},
		{"for two hours", "Bearer " + sign(t, key, jwt.MapClaims{"iss": ours, "exp": now + 7200}), 401, "token not valid at this time"},
		{"of nobody", "Bearer " + sign(t, key, jwt.MapClaims{"iss": "nobody.example", "exp": now + 60}), 401, "no valid token"},
		{"of another key", "Bearer " + sign(t, keys()[theirs], jwt.MapClaims{"iss": ours, "exp": now + 60}), 401, "no valid token"},
		{"of another domain", "Bearer " + tokenOf(t, theirs), 403, "token of another domain"},
		{"of another body", "Bearer " + sign(t, key, jwt.MapClaims{"iss": ours, "exp": now + 60, "payload_hash": strings.Repeat("00", 32)}), 401, "token of another body"},
		{"of this body", "Bearer " + sign(t, key, jwt.MapClaims{"iss": ours, "exp": now + 60, "payload_hash": hash}), 200, ""},
	} {
		s := newStage(t)
		resp := s.doWith(http.MethodPost, split, splitBody, "Authorization", c.auth)
		want := failed(c.reason)
		if c.status == http.StatusOK {
			want = done
		}
		if challenge := resp.head.Get("WWW-Authenticate"); (challenge != "") != (c.status == 401) {
			t.Errorf("%s: WWW-Authenticate is %q", c.name, challenge)
		}
		expect(t, c.name, resp, c.status, want)
		if (len(s.calls.asked) == 1) != (c.status == 200) {
			t.Errorf("%s: asked for %q", c.name, s.calls.asked)
		}
	}
}

// TestEveryPathWantsAToken, of its own domain.
func TestEveryPathWantsAToken(t *testing.T) {
	requests := everything()
	if len(requests) < 14 {
		t.Fatalf("only %d requests", len(requests))
	}
	for _, r := range requests {
		s := newStage(t)
		for auth, status := range map[string]int{"": 401, "Bearer " + tokenOf(t, theirs): 403} {
			resp := s.doWith(r[0], r[1], "", "Authorization", auth)
			if text := resp.body; resp.status != status || !strings.Contains(text, `"success":false`) {
				t.Errorf("%s %s: got %d %s, want %d", r[0], r[1], resp.status, text, status)
			}
		}
		if len(s.calls.asked) > 0 {
			t.Errorf("%s %s: asked for %q", r[0], r[1], s.calls.asked)
		}
		if got := s.Stats().Refused; got != 2 {
			t.Errorf("%s %s: %d refused", r[0], r[1], got)
		}
	}
}

func TestDomainsAndKeys(t *testing.T) {
	s := newStage(t)
	s.Calls = func(string) (rest.Calls, bool) { return nil, false }
	expect(t, "a domain that has gone", s.do(http.MethodPost, split, splitBody), 404, failed("no such domain"))

	for _, lost := range []error{errors.New("the database does not answer"), fs.ErrNotExist} {
		s = newStage(t)
		s.Keys = func(context.Context, string) ([]*rsa.PublicKey, error) { return nil, lost }
		resp := s.do(http.MethodPost, split, splitBody)
		if resp.head.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		expect(t, "keys that cannot be had", resp, 503, failed("keys cannot be had now"))
	}

	parsed, err := rest.ParseKeys(publicPEM(t, &keys()[ours].PublicKey))
	if err != nil || len(parsed) != 1 || !parsed[0].Equal(&keys()[ours].PublicKey) {
		t.Errorf("parsed %v, %v", parsed, err)
	}
}

func TestPaths(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct {
		method, path string
		status       int
		answer       string
	}{
		{"POST", "/" + ours + "/splitconnection", 200, done},
		{"GET", "/" + ours + "/ivrfallback", 200, `{"success":true,"data":[]}`},
		{"GET", "/cache/" + ours + "/ivrfallback", 200, `{"success":true,"data":[]}`},
		{"POST", "/mediaservice/customer%2Eexample/splitconnection", 200, done},

		{"POST", "/cache/" + ours + "/splitconnection", 404, failed("no such path")},
		{"GET", "/mediaservice/" + ours + "/ivrfallback", 404, failed("no such path")},
		{"POST", base, 404, failed("no such path")},
		{"POST", base + "splitconnection/", 404, failed("no such path")},
		{"POST", "/" + base + "splitconnection", 404, failed("no such path")},
		{"POST", "/mediaservice//splitconnection", 404, failed("no such path")},
		{"POST", base + "SplitConnection", 404, failed("no such path")},
		{"GET", base + "promptfile", 404, failed("no such path")},
		{"GET", base + "promptfile/a/b", 404, failed("no such path")},
		{"GET", "/", 404, failed("no such path")},
		{"GET", "", 404, failed("no such path")},

		{"GET", base + "promptfile/" + strings.Repeat("a", 1024), 400, failed("malformed path")},
		{"GET", base + "promptfile/..", 400, failed("malformed path")},
		{"GET", base + "promptfile/%2e%2e", 400, failed("malformed path")},
		{"GET", base + "promptfile/..%2fa.wav", 400, failed("malformed path")},
		{"GET", base + "promptfile/..%5ca.wav", 400, failed("malformed path")},
		{"GET", base + "promptfile/a%00.wav", 400, failed("malformed path")},
		{"GET", base + "promptfile/a%0d%0a", 400, failed("malformed path")},
		{"GET", base + "promptfile/%ff", 400, failed("malformed path")},
		{"GET", base + "../" + theirs + "/promptfile/a.wav", 400, failed("malformed path")},
		{"GET", "/mediaservice/customer.example%2fpromptfile/promptfile/a.wav", 400, failed("malformed path")},
		{"GET", base + "promptfile/.hidden", 400, failed("not a file name")},
		{"GET", base + "promptfile/CON", 400, failed("not a file name")},
		{"GET", base + "promptfile/%C3%A5.wav", 400, failed("not a file name")},
		{"GET", base + "promptfile/a%20b.wav", 400, failed("not a file name")},
		{"GET", base + "promptfile/" + strings.Repeat("a", 129), 400, failed("not a file name")},
		{"PUT", base + "promptfile/.hidden", 400, failed("not a file name")},
		{"DELETE", base + "promptfile/.hidden", 400, failed("not a file name")},
	} {
		body := ""
		if c.method == "POST" || c.method == "PUT" {
			body = splitBody
		}
		expect(t, c.method+" "+c.path, s.do(c.method, c.path, body), c.status, c.answer)
	}
}

func TestMethods(t *testing.T) {
	s := newStage(t)
	for path, allow := range map[string]string{
		split: "POST, OPTIONS", base + "promptfile/a.wav": "GET, HEAD, PUT, DELETE, OPTIONS", "/cache/" + ours + "/ivrfallback": "GET, OPTIONS",
		"/cache/" + ours + "/ivrfallback/100": "GET, POST, DELETE, OPTIONS", "/mediaservice/openapi.json": "GET, HEAD, OPTIONS",
	} {
		for _, method := range []string{"PATCH", "TRACE", "get"} {
			resp := s.do(method, path, "")
			if got := resp.head.Get("Allow"); got != allow {
				t.Errorf("%s: Allow is %q", path, got)
			}
			expect(t, method, resp, 405, failed("no such method here"))
		}
		resp := s.doWith(http.MethodOptions, path, "", "Origin", "https://desk.example", "Access-Control-Request-Method", "POST")
		head := resp.head
		if head.Get("Access-Control-Allow-Methods") != allow || head.Get("Access-Control-Allow-Origin") != "*" ||
			head.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type, Range" || head.Get("Content-Type") != "application/json" {
			t.Errorf("%s: OPTIONS has %v", path, head)
		}
		expect(t, "OPTIONS", resp, 200, "{}")
	}
	if got := s.doWith(http.MethodOptions, base+"nothing", ""); got.status != 404 {
		t.Errorf("OPTIONS of no path: %d", got.status)
	}

	s.Origin = "https://desk.example"
	for _, resp := range []answer{s.do(http.MethodPost, split, splitBody), s.doWith(http.MethodPost, split, splitBody), s.doWith(http.MethodOptions, split, "")} {
		if got := resp.head.Get("Access-Control-Allow-Origin"); got != s.Origin {
			t.Errorf("%d: the origin is %q", resp.status, got)
		}
	}
}

// TestLogs have what went wrong, and neither tokens nor numbers nor names of files.
func TestLogs(t *testing.T) {
	s := newStage(t)
	s.calls.err = errors.New("the cause")
	token := tokenOf(t, ours)
	for _, auth := range []string{"Bearer " + token, "Bearer " + token + "x", ""} {
		s.doWith(http.MethodPost, base+"placeivrcall", `{"destAddr":"+46701234567","unheard":1}`, "Authorization", auth)
		s.doWith(http.MethodGet, base+"promptfile/of-anna.wav", "", "Authorization", auth)
		s.doWith(http.MethodGet, "/cache/"+ours+"/ivrfallback/+46701234567", "", "Authorization", auth)
	}
	log := s.log.String()
	for _, secret := range []string{token[:40], token[len(token)-40:], "46701234567", "anna"} {
		if strings.Contains(log, secret) {
			t.Errorf("%q is in the log:\n%s", secret, log)
		}
	}
	for _, fact := range []string{"the cause", "unheard", "placeivrcall", "no valid token"} {
		if !strings.Contains(log, fact) {
			t.Errorf("%q is not in the log:\n%s", fact, log)
		}
	}
}
