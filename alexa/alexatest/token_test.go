package alexatest_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// tokenAnswer is what the token endpoint answered.
type tokenAnswer struct {
	status       int
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
	Error        string `json:"error"`
	Description  string `json:"error_description"`
}

func askToken(t *testing.T, cloud *alexatest.Cloud, form url.Values, change func(*http.Request)) tokenAnswer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, cloud.TokenURL(), strings.NewReader(form.Encode()))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	if change != nil {
		change(r)
	}
	res, err := (&http.Client{Transport: cloud.RoundTripper()}).Do(r)
	must(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(t, err)
	a := tokenAnswer{status: res.StatusCode}
	must(t, json.Unmarshal(body, &a))
	if res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q", res.Header.Get("Cache-Control"))
	}
	return a
}

func TestTokenGrants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t, &alexatest.CloudOptions{NoSockets: true, TokenLifetime: 90 * time.Second})
		defer cloud.Close()
		client := url.Values{"client_id": {cloud.ClientID()}, "client_secret": {cloud.ClientSecret()}}
		form := func(pairs ...string) url.Values {
			f := url.Values{}
			maps.Copy(f, client)
			for i := 0; i < len(pairs); i += 2 {
				f.Set(pairs[i], pairs[i+1])
			}
			return f
		}
		refresh := []string{"grant_type", "refresh_token", "refresh_token", cloud.RefreshToken()}

		a := askToken(t, cloud, form(refresh...), nil)
		if a.status != 200 || !strings.HasPrefix(a.AccessToken, "Atza|") || a.TokenType != "bearer" || a.ExpiresIn != 90 ||
			a.RefreshToken != cloud.RefreshToken() || len(a.AccessToken) > 2048 || a.Scope != "" {
			t.Errorf("refresh: %+v", a)
		}
		code := cloud.AuthorizationCode("https://example.com/cb")
		exchange := form("grant_type", "authorization_code", "code", code, "redirect_uri", "https://example.com/cb")
		b := askToken(t, cloud, exchange, nil)
		if b.status != 200 || b.RefreshToken == "" || b.RefreshToken == cloud.RefreshToken() || b.AccessToken == a.AccessToken {
			t.Errorf("code: %+v", b)
		}
		if c := askToken(t, cloud, form("grant_type", "refresh_token", "refresh_token", b.RefreshToken), nil); c.status != 200 {
			t.Errorf("the refresh token of a code: %+v", c)
		}
		m := askToken(t, cloud, form("grant_type", "client_credentials", "scope", "alexa:skill_messaging"), nil)
		if m.status != 200 || m.RefreshToken != "" || m.Scope != "alexa:skill_messaging" {
			t.Errorf("client credentials: %+v", m)
		}
		late := cloud.AuthorizationCode("")
		time.Sleep(5*time.Minute + time.Second)

		noClient := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {cloud.RefreshToken()}}
		basic := func(r *http.Request) {
			r.SetBasicAuth(url.QueryEscape(cloud.ClientID()), url.QueryEscape(cloud.ClientSecret()))
		}
		for _, tt := range []struct {
			name   string
			form   url.Values
			change func(*http.Request)
			status int
			code   string
		}{
			{"basic", noClient, basic, 200, ""},
			{"basic and body", form(refresh...), basic, 400, "invalid_request"},
			{"no client", noClient, nil, 401, "invalid_client"},
			{"wrong secret", form(append(refresh, "client_secret", "x")...), nil, 401, "invalid_client"},
			{"wrong token", form("grant_type", "refresh_token", "refresh_token", "Atzr|x"), nil, 400, "invalid_grant"},
			{"used code", exchange, nil, 400, "invalid_grant"},
			{"late code", form("grant_type", "authorization_code", "code", late), nil, 400, "invalid_grant"},
			{"wrong redirect", form("grant_type", "authorization_code", "code", cloud.AuthorizationCode("a"), "redirect_uri", "b"), nil, 400, "invalid_grant"},
			{"calling scope", form("grant_type", "client_credentials", "scope", "amazon_communication::calling"), nil, 400, "invalid_scope"},
			{"no grant", form(), nil, 400, "invalid_request"},
			{"other grant", form("grant_type", "password"), nil, 400, "unsupported_grant_type"},
			{"JSON", form(refresh...), func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 400, "invalid_request"},
			{"query", url.Values{}, func(r *http.Request) { r.URL.RawQuery = form(refresh...).Encode() }, 401, "invalid_client"},
			{"too large", form("grant_type", strings.Repeat("x", 20<<10)), nil, 400, "invalid_request"},
		} {
			if a := askToken(t, cloud, tt.form, tt.change); a.status != tt.status || a.Error != tt.code || (tt.code != "") != (a.Description != "") {
				t.Errorf("%s: %+v", tt.name, a)
			}
		}
		if n := cloud.TokenRequests("authorization_code"); n != 4 {
			t.Errorf("%d requests with a code", n)
		}
	})
}

// TestSignalingAuthorization shows tokens to the signaling endpoint.
func TestSignalingAuthorization(t *testing.T) {
	cloud := newCloud(t, &alexatest.CloudOptions{NoSockets: true})
	defer cloud.Close()
	client := func(grant ...string) url.Values {
		return url.Values{"client_id": {cloud.ClientID()}, "client_secret": {cloud.ClientSecret()}, "grant_type": grant[:1], "scope": grant[1:]}
	}
	messaging := askToken(t, cloud, client("client_credentials", "alexa:skill_messaging"), nil).AccessToken
	for header, want := range map[string]int{"": 401, "Bearer x": 401, "Bearer " + messaging: 403, "Basic " + messaging: 401} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, cloud.URL()+"/v1/communications/signaling",
			strings.NewReader(message("CallRinging", "s-1")))
		must(t, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", header)
		res, err := cloud.RoundTripper().RoundTrip(r)
		must(t, err)
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%.10q: %d", header, res.StatusCode)
		}
	}
	if n := len(cloud.Violations()); n != 1 { // the scope
		t.Errorf("violations %q", cloud.Violations())
	}
}
