package rest

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/internal/jwtauth"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/callback"
)

// Calls is what is asked of the calls of one domain; *mediaserver.Server is it. The ids are those that the application has got from this
// domain's callbacks: any other is mediaserver.ErrNotFound. A replyID that is not of the thing is mediaserver.ErrReply, what cannot be done
// now mediaserver.ErrState, what there is no room for mediaserver.ErrFull, and a call after Drain bridge.ErrDraining.
type Calls interface {
	Place(ctx context.Context, o *mediaserver.CallOptions) (*mediaserver.Placed, error)
	Split(ctx context.Context, connectionID, replyID string) error
	Connect(ctx context.Context, participantID, peerID, replyID string) error
	CreateConference(ctx context.Context, sessionID, replyID string) (connectionID string, err error)
	HangupParticipant(ctx context.Context, participantID, replyID string) error
	StartRecording(ctx context.Context, connectionID, replyID, filename string) error
	StopRecording(ctx context.Context, connectionID, replyID string) error
}

var _ Calls = (*mediaserver.Server)(nil)

// A Handler is the REST interface of media servers. Set the fields before the first use; Calls and Keys are needed.
type Handler struct {
	// Calls returns the calls of a domain, by its name in the path; false: there is no such domain.
	Calls func(domain string) (Calls, bool)
	// Keys returns the public keys that requests of a domain may be signed with, of which the first eight are tried; none: nobody may ask. It
	// is asked for what a token claims before that is verified. An error is for keys that cannot be had now.
	Keys func(ctx context.Context, domain string) ([]*rsa.PublicKey, error)
	// Skew is by how much the clock of who signs may differ. 0: 60 s; negative: not at all.
	Skew time.Duration

	Prompts   mediaserver.PromptStore // nil: there are no files
	Fallbacks callback.FallbackStore  // nil: there are none

	// Origin is which web pages may read the answers, as Access-Control-Allow-Origin has it. Empty: "*", which gives nothing away: what
	// counts is the token, and a browser sends none on its own.
	Origin string
	// Most is how many requests may be under way at once. 0: 512.
	Most int
	// Within is how long a request about calls may take, and one about fallbacks. 0: 10 s.
	Within time.Duration

	Logger *slog.Logger // nil is silent

	once     sync.Once
	verifier jwtauth.Verifier
	log      *slog.Logger
	under    atomic.Int64
	stats    counters
}

// Stats are the totals of a Handler.
type Stats struct {
	Requests uint64 // but OPTIONS
	Refused  uint64 // without a token that is good for the path
	Failed   uint64 // with a status from 500 on
	Busy     uint64 // because too many were under way
	Unknown  uint64 // members of bodies that have been passed over, as far as they are reported
}

type counters struct{ requests, refused, failed, busy, unknown atomic.Uint64 }

const (
	defaultMost   = 512
	defaultWithin = 10 * time.Second
)

// ParseKeys reads one RSA key or several, of 2048 to 8192 bits each, from PEM: as SubjectPublicKeyInfo ("PUBLIC KEY"), such as openssl writes
// them, or PKCS #1 ("RSA PUBLIC KEY").
func ParseKeys(pem []byte) ([]*rsa.PublicKey, error) { return jwtauth.ParsePublicKeys(pem) }

// Stats returns the totals.
func (h *Handler) Stats() Stats {
	return Stats{
		Requests: h.stats.requests.Load(), Refused: h.stats.refused.Load(), Failed: h.stats.failed.Load(), Busy: h.stats.busy.Load(),
		Unknown: h.stats.unknown.Load(),
	}
}

func (h *Handler) init() {
	h.once.Do(func() {
		h.verifier = jwtauth.Verifier{Keys: h.Keys, Skew: h.Skew}
		h.log = h.Logger
		if h.log == nil {
			h.log = slog.New(slog.DiscardHandler)
		}
	})
}

// An exchange is a request that may be carried out.
type exchange struct {
	*Handler
	w      http.ResponseWriter
	r      *http.Request
	domain string
	param  string // the last part of the path, if it has one
	claims *jwtauth.Claims
	calls  Calls
	whole  bool // the body has been read
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.init()
	h.allowOrigin(w.Header())
	where, err := find(r.URL.EscapedPath())
	switch {
	case err != nil:
		h.refuse(w, r, err)
	case r.Method == http.MethodOptions:
		preflight(w, where.route)
	default:
		h.stats.requests.Add(1)
		h.serve(w, r, where)
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, where place) {
	carryOut := where.route.method(r.Method)
	if carryOut == nil {
		w.Header().Set("Allow", where.route.allow())
		h.refuse(w, r, errMethod)
		return
	}
	most := int64(h.Most)
	if most == 0 {
		most = defaultMost
	}
	defer h.under.Add(-1)
	if h.under.Add(1) > most {
		h.stats.busy.Add(1)
		h.refuse(w, r, errBusy)
		return
	}
	x := &exchange{Handler: h, w: w, r: r, domain: where.domain, param: where.param}
	if !where.route.open {
		if err := x.admit(); err != nil {
			h.stats.refused.Add(1)
			h.log.Warn("request refused", "path", where.route.name, "err", err)
			h.refuse(w, r, err)
			return
		}
	}
	answer, err := carryOut(x)
	switch {
	case err != nil:
		h.log.Debug("request not carried out", "path", where.route.name, "domain", where.domain, "err", err)
		if !x.whole {
			cutOff(w, r)
		}
		h.fail(w, err)
	case answer != nil:
		answer.Success = true
		h.write(w, http.StatusOK, answer)
	}
}

// admit lets a request pass that has a token of the path's domain.
func (x *exchange) admit() error {
	token, err := jwtauth.Bearer(x.r.Header)
	if err != nil {
		return err
	}
	ctx, cancel := x.limit()
	defer cancel()
	x.claims, err = x.verifier.Verify(ctx, token, x.domain)
	switch {
	case err == nil:
	case errors.Is(err, jwtauth.ErrToken), errors.Is(err, jwtauth.ErrTime), errors.Is(err, jwtauth.ErrDomain):
		return err
	default:
		return fmt.Errorf("%w: %w", errKeys, err)
	}
	var ok bool
	if x.calls, ok = x.Calls(x.domain); !ok {
		return errDomain
	}
	return nil
}
