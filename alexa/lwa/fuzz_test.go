package lwa

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

// says is a token endpoint with one answer.
type says struct {
	status int
	kind   string
	body   []byte
}

func (s says) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: s.status, Header: http.Header{"Content-Type": {s.kind}}, Body: io.NopCloser(bytes.NewReader(s.body)), Request: r,
	}, nil
}

// FuzzTokenAnswer takes any answer for tokens that can be put into headers and files, or for an error that repeats no secret.
func FuzzTokenAnswer(f *testing.F) {
	for _, body := range []string{
		`{"access_token":"Atza|1","token_type":"bearer","expires_in":3600,"refresh_token":"Atzr|2"}`,
		`{"access_token":"Atza|1","expires_in":"3600"}`,
		`{"access_token":"Atza|1\r\nX: y","refresh_token":"Atzr|2"}`,
		`{"access_token":"Atza|1","token_type":"mac\r\n","refresh_token":"Atzr|\u0000"}`,
		`{"error":"invalid_grant","error_description":"The request has an invalid grant parameter : the-secret","error_index":"7","request_id":"x"}`,
		`{"expires_in":1e99}`, `[`, "",
	} {
		f.Add(200, "application/json;charset=UTF-8", []byte(body))
		f.Add(400, "application/json", []byte(body))
	}
	f.Add(200, "application/x-www-form-urlencoded", []byte("access_token=Atza|1&expires_in=60&refresh_token=Atzr%7C2"))
	f.Fuzz(func(t *testing.T, status int, kind string, body []byte) {
		if status < 100 || status > 599 {
			return
		}
		c := Credentials{ClientID: "client", ClientSecret: "the-secret", RefreshToken: "Atzr|the-refresh"}
		s, err := NewSource(c, &Options{HTTPClient: &http.Client{Transport: says{status, kind, body}}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		token, err := s.Token(t.Context())
		if err != nil {
			wantTame(t, err)
		} else if checkToken("", token.AccessToken) != nil || token.Type() != "Bearer" || token.RefreshToken != "" || !token.Expiry.After(time.Now()) {
			t.Errorf("took %+v", token)
		}
		if checkToken("", s.refreshToken) != nil {
			t.Errorf("took refresh token %q", s.refreshToken)
		}
		refresh, _, err := s.endpoint.exchange(t.Context(), Code{Code: "the-code"})
		if err != nil {
			wantTame(t, err)
		} else if checkToken("", refresh) != nil {
			t.Errorf("took refresh token %q", refresh)
		}
	})
}

func wantTame(t *testing.T, err error) {
	t.Helper()
	text := err.Error()
	if strings.ContainsAny(text, "\r\n\x00") || len(text) > 1000 {
		t.Errorf("error is %q", text)
	}
	for _, secret := range []string{"the-secret", "Atzr|the-refresh", "the-code"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in %q", secret, text)
		}
	}
}

// FuzzStoreFile reads any file whole or not at all, and writes what it has read so that it reads the same.
func FuzzStoreFile(f *testing.F) {
	for _, text := range []string{
		`{"version":1,"grants":{}}`,
		`{"version":1,"grants":{"a":{"refresh_token":"Atzr|1","seed":"5eed"},"ü ":{"refresh_token":"Atzr|2"}}}`,
		`{"version":1,"grants":{"a":{"refresh_token":"Atzr|1"},"a":{"refresh_token":"Atzr|2"}}}`,
		`{"version":2}`, `{"VERSION":1,"Grants":null}`, `{"version":1,"grants":{"a":{"refresh_token":"\u000a"}}}`, `[]`, "",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		grants, fault, err := parseStore(data)
		if err != nil {
			if grants != nil || fault != StoreCorrupt && fault != StoreNewer || strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Errorf("got %v, %v, %q", grants, fault, err)
			}
			return
		}
		for account, g := range grants {
			if checkAccount(account) != nil || checkToken("", g.RefreshToken) != nil {
				t.Errorf("took %q with %q", account, g.RefreshToken)
			}
		}
		text, err := formatStore(grants)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := parseStore(text)
		if err != nil || !maps.Equal(grants, again) {
			t.Errorf("%q came back as %v, %v", text, again, err)
		}
	})
}
