package alexatest

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	scopeCalling   = "amazon_communication::calling"
	scopeMessaging = "alexa:skill_messaging"

	codeLifetime = 5 * time.Minute
	maxTokenBody = 16 << 10
)

// tokens is the state of Login with Amazon: what was issued, to whom and for how long.
type tokens struct {
	mu      sync.Mutex
	id      string
	secret  string
	first   string // the refresh token of account linking
	life    time.Duration
	access  map[string]accessGrant
	refresh map[string]string // whose account it is of: "" for the account that a Cloud's skill is linked with
	codes   map[string]codeGrant
	counts  map[string]int // token requests by grant type
}

type accessGrant struct {
	scope   string
	account string
	expires time.Time
}

type codeGrant struct {
	redirect string
	account  string
	expires  time.Time
}

func newTokens(life time.Duration) *tokens {
	first := "Atzr|" + randomText(96)
	return &tokens{
		id:      "amzn1.application-oa2-client." + randomHex(16),
		secret:  "amzn1.oa2-cs.v1." + randomHex(32),
		first:   first,
		life:    life,
		access:  make(map[string]accessGrant),
		refresh: map[string]string{first: ""},
		codes:   make(map[string]codeGrant),
		counts:  make(map[string]int),
	}
}

// AuthorizationCode returns a new code for the grant authorization_code, as the user's consent or an AcceptGrant would bring it.
// It can be used once, within five minutes, with the same redirect URI; "" when there is none.
func (c *Cloud) AuthorizationCode(redirectURI string) string {
	return c.tokens.newCode(redirectURI, "")
}

// newCode returns a code that can be exchanged once.
func (t *tokens) newCode(redirectURI, account string) string {
	code := "AN" + randomText(13)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.codes[code] = codeGrant{redirectURI, account, time.Now().Add(codeLifetime)}
	return code
}

// TokenRequests returns how many token requests with that grant_type were received, refused ones included; "" counts all.
func (c *Cloud) TokenRequests(grantType string) int { return c.tokens.requests(grantType) }

func (t *tokens) requests(grantType string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if grantType != "" {
		return t.counts[grantType]
	}
	sum := 0
	for _, n := range t.counts {
		sum += n
	}
	return sum
}

// tokenError is an answer of RFC 6749, section 5.2, in the form that Login with Amazon gives it.
type tokenError struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
	RequestID   string `json:"request_id"`
}

func refuseToken(status int, code, description string) *tokenError {
	return &tokenError{status: status, Code: code, Description: description}
}

type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// serve serves POST /auth/o2/token (Amazon's page "access-token-api"): grants in the body, never in the query.
func (t *tokens) serve(w http.ResponseWriter, r *http.Request, violate func(format string, args ...any)) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if r.URL.RawQuery != "" {
		violate("token request: parameters in the query")
	}
	var body any
	status := http.StatusOK
	if answer, refused := t.grant(w, r); refused != nil {
		refused.RequestID = newUUID()
		status, body = refused.status, refused
		if refused.Code == "invalid_request" { // malformed, as RFC 6749 section 5.2 has it
			violate("token request: %s", refused.Description)
		}
	} else {
		body = answer
	}
	text, _ := json.Marshal(body)
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func (t *tokens) grant(w http.ResponseWriter, r *http.Request) (*tokenAnswer, *tokenError) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, refuseToken(http.StatusBadRequest, "invalid_request", "The request has an unsupported content type")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxTokenBody)
	if err := r.ParseForm(); err != nil {
		return nil, refuseToken(http.StatusBadRequest, "invalid_request", "The request body could not be parsed")
	}
	form := r.PostForm
	grantType := form.Get("grant_type")

	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[grantType]++
	if e := t.checkClient(r, form); e != nil {
		return nil, e
	}
	now := time.Now()
	switch grantType {
	case "":
		return nil, refuseToken(http.StatusBadRequest, "invalid_request", "The request is missing a required parameter : grant_type")
	case "refresh_token":
		token := form.Get("refresh_token")
		account, ok := t.refresh[token]
		if !ok {
			return nil, refuseToken(http.StatusBadRequest, "invalid_grant", "The request has an invalid grant parameter : refresh_token")
		}
		return t.issue(now, accessGrant{scope: scopeCalling, account: account}, token), nil
	case "authorization_code":
		code := form.Get("code")
		g, ok := t.codes[code]
		delete(t.codes, code)
		if !ok || now.After(g.expires) || g.redirect != form.Get("redirect_uri") {
			return nil, refuseToken(http.StatusBadRequest, "invalid_grant", "The request has an invalid grant parameter : code")
		}
		token := "Atzr|" + randomText(96)
		t.refresh[token] = g.account
		return t.issue(now, accessGrant{scope: scopeCalling, account: g.account}, token), nil
	case "client_credentials":
		if form.Get("scope") != scopeMessaging {
			return nil, refuseToken(http.StatusBadRequest, "invalid_scope", "The requested scope is invalid")
		}
		a := t.issue(now, accessGrant{scope: scopeMessaging}, "")
		a.Scope = scopeMessaging
		return a, nil
	default:
		return nil, refuseToken(http.StatusBadRequest, "unsupported_grant_type",
			"The authorization grant type is not supported by the authorization server")
	}
}

// checkClient authenticates the client by HTTP Basic or by the body, not by both (RFC 6749, section 2.3).
func (t *tokens) checkClient(r *http.Request, form url.Values) *tokenError {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok {
		if secret != "" {
			return refuseToken(http.StatusBadRequest, "invalid_request", "The client used two ways of authentication")
		}
		// RFC 6749 has both parts form-encoded before they are joined; not every client does so.
		id, secret = formDecoded(user), formDecoded(pass)
	}
	if id != t.id || secret != t.secret {
		return refuseToken(http.StatusUnauthorized, "invalid_client", "Client authentication failed")
	}
	return nil
}

func formDecoded(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}

// issue makes an access token; t.mu is held.
func (t *tokens) issue(now time.Time, grant accessGrant, refresh string) *tokenAnswer {
	for token, g := range t.access {
		if now.After(g.expires) {
			delete(t.access, token)
		}
	}
	token := "Atza|" + randomText(192)
	grant.expires = now.Add(t.life)
	t.access[token] = grant
	return &tokenAnswer{AccessToken: token, TokenType: "bearer", ExpiresIn: int(t.life / time.Second), RefreshToken: refresh}
}

// check returns the status with which a request with that Authorization header is to be refused, 0 when it may pass.
func (t *tokens) check(authorization string) int {
	kind, token, _ := strings.Cut(authorization, " ")
	t.mu.Lock()
	defer t.mu.Unlock()
	g, ok := t.access[token]
	switch {
	case !strings.EqualFold(kind, "Bearer"), !ok, !time.Now().Before(g.expires):
		return http.StatusUnauthorized
	case g.scope != scopeCalling:
		return http.StatusForbidden
	default:
		return 0
	}
}

// revoke makes the token of an Authorization header invalid, and returns the status of a request with it.
func (t *tokens) revoke(authorization string) int {
	_, token, _ := strings.Cut(authorization, " ")
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.access, token)
	return http.StatusUnauthorized
}

// account returns whose account a token of an Authorization header is of; false for one that was not issued or is not valid any more.
func (t *tokens) account(authorization string) (string, bool) {
	kind, token, _ := strings.Cut(authorization, " ")
	t.mu.Lock()
	defer t.mu.Unlock()
	g, ok := t.access[token]
	return g.account, ok && strings.EqualFold(kind, "Bearer") && time.Now().Before(g.expires)
}
