package alexatest

import (
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	eventsPath  = "/v3/events"
	regionsPath = "/v1/alexaApiEndpoint"
)

// listenLoopback returns a server on a port of 127.0.0.1, not yet started.
func listenLoopback(h http.HandlerFunc, log *slog.Logger) (*httptest.Server, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &httptest.Server{Listener: l, Config: &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

// homeTransport answers requests in memory.
type homeTransport struct{ h *Home }

// RoundTrip implements http.RoundTripper.
func (t homeTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	own, _ := url.Parse(t.h.url)
	err := t.h.ctx.Err()
	switch {
	case err != nil:
		err = ErrClosed
	case !strings.EqualFold(r.URL.Host, own.Host):
		err = fmt.Errorf("alexatest: no host %q in memory", r.URL.Host)
	}
	if err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	return serveInMemory(http.HandlerFunc(t.h.serveAPI), r)
}

// serveAPI serves the host of the home's URL.
func (h *Home) serveAPI(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case tokenPath:
		h.tokens.serve(w, r, h.violate)
	case eventsPath:
		h.serveEvent(w, r)
	case regionsPath:
		own, _ := url.Parse(h.url)
		if _, ok := h.tokens.account(r.Header.Get("Authorization")); !ok {
			h.refuse(w, http.StatusUnauthorized, GatewayFault{}, "the access token is invalid or expired")
			return
		}
		reply(w, http.StatusOK, map[string]any{"endpoints": []string{own.Host}})
	default:
		h.refuse(w, http.StatusNotFound, GatewayFault{}, "no such path")
	}
}

// posted is one request to the gateway.
type posted struct {
	h     *Home
	w     http.ResponseWriter
	event *skillEvent
}

// no refuses the event. Tokens do expire and faults are on purpose; all else is the skill's violation.
func (p posted) no(status int, f GatewayFault, violation bool, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.record(status)
	if violation {
		p.h.violate("event %s: %s", p.event.name, text)
	}
	p.h.refuse(p.w, status, f, text)
}

func (p posted) record(status int) {
	entry := p.event.entry(KindEvent)
	entry.Status = status
	p.h.record(entry)
}

// serveEvent serves POST /v3/events (Amazon's page "send-events").
func (h *Home) serveEvent(w http.ResponseWriter, r *http.Request) {
	authorization := r.Header.Get("Authorization")
	owner, known := h.tokens.account(authorization)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	e, faults, extra := readEvent(body)
	p := posted{h, w, e}
	kind, _, untyped := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost:
		p.no(http.StatusMethodNotAllowed, GatewayFault{}, true, "not a POST")
		return
	case err != nil:
		p.no(http.StatusRequestEntityTooLarge, GatewayFault{}, true, "cannot be read, or is larger than %d bytes", maxEvent)
		return
	case !known:
		p.no(http.StatusUnauthorized, GatewayFault{}, false, "the access token is invalid or expired")
		return
	case untyped != nil || kind != "application/json":
		p.no(http.StatusBadRequest, GatewayFault{}, true, "no Content-Type: application/json")
		return
	}
	fate, expired := h.takeFault()
	switch {
	case expired:
		p.no(h.tokens.revoke(authorization), GatewayFault{}, false, "the access token is invalid or expired")
	case fate.Silent:
		p.record(0)
		select {
		case <-r.Context().Done():
		case <-h.ctx.Done():
		}
		cut(w)
	case fate.Status != 0:
		p.no(fate.Status, fate, false, "refused on purpose")
	default:
		for _, f := range extra {
			h.violate("event %s: %s", e.name, f)
		}
		_, token, _ := strings.Cut(authorization, " ")
		p.serve(owner, token, faults, fate.Lost)
	}
}

// serve takes an event that no fault has met.
func (p posted) serve(owner, token string, faults []string, lost bool) {
	if len(faults) > 0 {
		for _, f := range faults[1:] {
			p.h.violate("event %s: %s", p.event.name, f)
		}
		p.no(http.StatusBadRequest, GatewayFault{}, true, "%s", faults[0])
		return
	}
	if p.event.scope != token {
		p.no(http.StatusBadRequest, GatewayFault{}, true, "another token in its scope than in its header")
		return
	}
	give, text := p.h.take(owner, p.event)
	if text != "" {
		p.no(http.StatusBadRequest, GatewayFault{}, true, "%s", text)
		return
	}
	status := http.StatusAccepted
	if lost {
		status = 0
	}
	p.record(status) // first, for whom the event wakes may look there
	give()
	if lost {
		cut(p.w)
		return
	}
	p.w.Header().Set("X-Amzn-RequestId", newUUID())
	p.w.WriteHeader(status)
}

// take finds out whether an event's account can have it, and returns what gives it to that; a text says why it cannot.
func (h *Home) take(owner string, e *skillEvent) (give func(), text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.accounts, func(a *Account) bool { return a.id == owner })
	if i < 0 {
		return nil, "its token is of no account"
	}
	a := h.accounts[i]
	switch e.name {
	case "DoorbellPress":
		device, ok := a.device(e.endpoint)
		switch {
		case !ok:
			return nil, "its endpoint was not described to this account"
		case !device.Doorbell:
			return nil, "its endpoint has no " + nsDoorbell
		}
		return func() { a.pressed(e) }, ""
	case "AddOrUpdateReport":
		return func() { a.reported(readDevices(e.payload)) }, ""
	default:
		come, waits := h.awaited[e.correlation]
		switch {
		case !waits:
			return nil, "no directive waits for it"
		case come == nil:
			return nil, "its directive was answered before"
		}
		h.awaited[e.correlation] = nil
		return func() { come <- e }, ""
	}
}

// refuse writes an error answer in the form of the gateway.
func (h *Home) refuse(w http.ResponseWriter, status int, f GatewayFault, text string) {
	code := f.Code
	if code == "" {
		code = gatewayCodeTable[status]
	}
	if f.Lost {
		cut(w)
		return
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
	}
	reply(w, status, map[string]any{
		"header":  map[string]any{"namespace": "System", "name": "Exception", "messageId": newUUID()},
		"payload": map[string]any{"code": code, "description": text},
	})
}
