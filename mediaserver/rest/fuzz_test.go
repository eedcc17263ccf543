package rest_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/mediaserver/rest"
)

// FuzzPath has any path. One that leads somewhere has segments that stand for nothing but themselves, and leads there again when it is
// written anew.
func FuzzPath(f *testing.F) {
	for _, route := range rest.Paths() {
		_, path, _ := strings.Cut(route, " ")
		f.Add(strings.NewReplacer("{domain}", ours, "{filename}", "a.wav", "{number}", "%2B4670").Replace(path))
	}
	for _, path := range []string{"", "/", "//", "/cache", "/a/b/../c", "/a/promptfile/%2e%2e", "/a/promptfile/..%2fb", "/a/promptfile/%", "/a/promptfile/%00", "/%ff/connect"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		service, name, domain, param, ok := rest.Find(path)
		if !ok {
			return
		}
		for _, s := range []string{domain, param} {
			if s == "." || s == ".." || strings.ContainsAny(s, "/\\\x00\r\n") {
				t.Errorf("%q leads to %q", path, s)
			}
		}
		if domain == "" {
			return // the contract
		}
		again := "/" + service + "/" + url.PathEscape(domain) + "/" + name
		if param != "" {
			again += "/" + url.PathEscape(param)
		}
		if _, n, d, p, ok := rest.Find(again); len(again) <= 1024 && (!ok || n != name || d != domain || p != param) {
			t.Errorf("%q leads to %q, %q, %q; then %q to %q, %q, %q, %v", path, name, domain, param, again, n, d, p, ok)
		}
	})
}
