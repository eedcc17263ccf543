package alexatest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// The scopes of the provisioning APIs.
const (
	ScopeManagement = "alexa::enterprise:management"           // units, skills, profiles, address books, contacts
	ScopeProvider   = "amazon_communication::service_provider" // service providers, network mappings, account associations
)

const (
	maxProvision   = 64 << 10 // bytes of a request
	defaultPage    = 10       // records of a page, unless maxResults says
	maxPage        = 100      // what maxResults may say
	maxNumbers     = 3        // telephone numbers of a contact
	unitPrefix     = "amzn1.alexa.unit.did."
	profilePrefix  = "amzn1.alexa.communications.profile.did."
	providerPrefix = "amzn1.comms.csp.id."
)

// Provisioning simulates the REST APIs of Alexa Smart Properties by which devices are made callable, in memory: units, skill enablements,
// communication profiles, service providers, network mappings, account associations, address books and contacts. It is an http.Handler,
// made by [NewProvisioning], and safe for concurrent use. Devices are not known to it: every endpoint id can be put in a unit.
//
// Where Amazon's pages are silent: what is malformed, names what does not exist in its body, or comes too early is answered 400, and is a
// violation; an unknown path 404; what exists already 409. Errors are {"message":"..."}, and every answer has X-Amzn-RequestId.
type Provisioning struct {
	mu         sync.Mutex
	tokens     map[string][]string // scopes by token
	refusals   []Refusal
	violations []string

	units     []*unit
	profiles  []*unitProfile
	providers []*csp
	books     []*book
}

// A Refusal is the answer that a request gets whatever it says.
type Refusal struct {
	Status int
	Header http.Header // added to the answer; nil: none
	Acted  bool        // the request has its effect all the same
}

type unit struct {
	id, parent, name string
	skills, devices  []string
	books            []*book
}

type unitProfile struct {
	id, name string
	unit     *unit
	callers  []string // contact ids
}

// csp is a service provider.
type csp struct {
	id, logical string
	names       json.RawMessage
	skill       string
	users       map[string]string // profile ids by external user id
}

type book struct {
	id, name string
	contacts []*bookContact
}

type bookContact struct {
	id   string
	body json.RawMessage
}

// NewProvisioning returns an organisation without any unit but its own, and that unit's id.
func NewProvisioning() (p *Provisioning, organisationID string) {
	root := &unit{id: unitPrefix + randomText(24), name: "Organisation"}
	return &Provisioning{tokens: map[string][]string{}, units: []*unit{root}}, root.id
}

// Token returns a new access token with these scopes.
func (p *Provisioning) Token(scopes ...string) string {
	token := "Atza|" + randomText(64)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens[token] = scopes
	return token
}

// Expire makes all tokens invalid that were given out.
func (p *Provisioning) Expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.tokens)
}

// Refuse has the next requests with a good token answered so, one after the other.
func (p *Provisioning) Refuse(answers ...Refusal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusals = append(p.refusals, answers...)
}

// Violations returns what was against the interface in the requests so far.
func (p *Provisioning) Violations() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.violations)
}

// Callable reports whether the devices of a unit can be called by an external user id by way of a skill: the skill is enabled on the
// unit, which has a profile, which is associated with that id by a service provider whose calls go to the skill.
func (p *Provisioning) Callable(unitID, externalUserID, skillID string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.unit(unitID)
	if u == nil || !slices.Contains(u.skills, skillID) {
		return false
	}
	for _, v := range p.providers {
		for _, f := range p.profiles {
			if v.skill == skillID && f.unit == u && v.users[externalUserID] == f.id {
				return true
			}
		}
	}
	return false
}

// RoundTripper returns an http.RoundTripper that answers every request in memory, in the goroutine of the caller. It can be used inside
// a testing/synctest bubble.
func (p *Provisioning) RoundTripper() http.RoundTripper { return provisioningTransport{p} }

type provisioningTransport struct{ p *Provisioning }

// RoundTrip implements http.RoundTripper.
func (t provisioningTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	rec := httptest.NewRecorder()
	t.p.ServeHTTP(rec, in)
	res := rec.Result()
	res.Request = r
	return res, nil
}

// An outcome is the answer to a request. A nil body is none.
type outcome struct {
	status int
	body   any
}

func failed(status int, format string, args ...any) outcome {
	return outcome{status, map[string]string{"message": fmt.Sprintf(format, args...)}}
}

func illFormed(format string, args ...any) outcome {
	return failed(http.StatusBadRequest, format, args...)
}

func noSuch() outcome { return failed(http.StatusNotFound, "not found") }

func exists() outcome { return failed(http.StatusConflict, "exists already") }

func done() outcome { return outcome{status: http.StatusNoContent} }

func created(body any) outcome { return outcome{http.StatusCreated, body} }

// ServeHTTP answers a request.
func (p *Provisioning) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxProvision))
	p.mu.Lock()
	o, header := p.answer(r, body, err)
	var text []byte
	if o.body != nil {
		text, _ = json.Marshal(o.body)
	}
	p.mu.Unlock()
	maps.Copy(w.Header(), header)
	w.Header().Set("X-Amzn-RequestId", newUUID())
	if text != nil {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(o.status)
	_, _ = w.Write(text)
}

// answer checks a request and has it done; p.mu is held.
func (p *Provisioning) answer(r *http.Request, body []byte, unread error) (outcome, http.Header) {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	scopes, known := p.tokens[token]
	want := ScopeManagement
	if len(path) > 2 && path[2] == "serviceProviders" {
		want = ScopeProvider
	}
	switch {
	case !ok || !known:
		return failed(http.StatusUnauthorized, "The access token is missing or expired"), nil
	case !slices.Contains(scopes, want):
		p.violations = append(p.violations, r.Method+" with a token without "+want)
		return failed(http.StatusForbidden, "The token lacks the scope"), nil
	case unread != nil:
		return failed(http.StatusRequestEntityTooLarge, "The request is too large"), nil
	}
	var refusal *Refusal
	if len(p.refusals) > 0 {
		refusal = &p.refusals[0]
		p.refusals = p.refusals[1:]
		if !refusal.Acted {
			return failed(refusal.Status, "Refused on purpose"), refusal.Header
		}
	}
	o := p.handle(r, path, body)
	if o.status == http.StatusBadRequest {
		p.violations = append(p.violations, fmt.Sprintf("%s %s: %v", r.Method, path[len(path)-1], o.body))
	}
	if refusal != nil {
		return failed(refusal.Status, "Refused on purpose"), refusal.Header
	}
	return o, nil
}

// handle finds who answers a path.
func (p *Provisioning) handle(r *http.Request, path []string, body []byte) outcome {
	if len(body) > 0 && r.Header.Get("Content-Type") != "application/json" {
		return illFormed("the Content-Type is not application/json")
	}
	q := request{method: r.Method, query: r.URL.Query(), body: body}
	is := func(prefix ...string) bool {
		if len(path) < len(prefix) || !slices.Equal(path[:len(prefix)], prefix) {
			return false
		}
		q.path = path[len(prefix):]
		return true
	}
	switch {
	case is("v2", "units"):
		return p.onUnits(q)
	case is("v2", "endpoints"):
		return p.onEndpoints(q)
	case is("v1", "skills"):
		return p.onSkills(q)
	case is("v1", "communications", "profile"):
		return p.onProfiles(q)
	case is("v1", "communications", "serviceProviders"):
		return p.onProviders(q)
	case is("v1", "addressBooks"):
		return p.onBooks(q)
	}
	return noSuch()
}

func (p *Provisioning) unit(id string) *unit {
	return find(p.units, func(u *unit) bool { return u.id == id })
}

// find returns the first record that fits, or nil.
func find[T any](all []*T, fits func(*T) bool) *T {
	if i := slices.IndexFunc(all, fits); i >= 0 {
		return all[i]
	}
	return nil
}

// without returns the records but for one.
func without[T comparable](all []T, one T) []T {
	return slices.DeleteFunc(all, func(x T) bool { return x == one })
}
