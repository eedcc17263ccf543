package rest

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/jwtauth"
	"github.com/alexacall/alexacall/internal/peertext"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/callback"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// Why a request is not carried out, beside what others say.
var (
	errPath        = errors.New("malformed path")
	errUnknownPath = errors.New("no such path")
	errDomain      = errors.New("no such domain")
	errMethod      = errors.New("no such method here")
	errBusy        = errors.New("too many requests")
	errTooLarge    = errors.New("too large")
	errSlow        = errors.New("the body took too long")
	errBroken      = errors.New("the body broke off")
	errKeys        = errors.New("keys cannot be had now")
	errLate        = errors.New("no answer in time")
)

const (
	retryAfter = 1    // seconds
	maxReason  = 1024 // bytes
)

// statusTable has the status for each error, the first one that is in its chain, and the reason if it is not the error's own text.
var statusTable = []struct {
	err    error
	status int
	reason string
}{
	{errPath, http.StatusBadRequest, ""},
	{errUnknownPath, http.StatusNotFound, ""},
	{errDomain, http.StatusNotFound, ""},
	{errMethod, http.StatusMethodNotAllowed, ""},
	{errBusy, http.StatusTooManyRequests, ""},
	{errTooLarge, http.StatusRequestEntityTooLarge, ""},
	{errSlow, http.StatusRequestTimeout, ""},
	{errBroken, http.StatusBadRequest, ""},
	{errKeys, http.StatusServiceUnavailable, ""},
	{errLate, http.StatusServiceUnavailable, ""},

	{jwtauth.ErrDomain, http.StatusForbidden, "token of another domain"},
	{jwtauth.ErrTime, http.StatusUnauthorized, "token not valid at this time"},
	{jwtauth.ErrBody, http.StatusUnauthorized, "token of another body"},
	{jwtauth.ErrToken, http.StatusUnauthorized, "no valid token"},

	{mediaserver.ErrNotFound, http.StatusNotFound, "no such session, participant or connection"},
	{mediaserver.ErrReply, http.StatusConflict, "replyId forged, stale or of another thing"},
	{mediaserver.ErrState, http.StatusConflict, "not possible now"},
	{mediaserver.ErrFull, http.StatusTooManyRequests, "no more calls"},
	{mediaserver.ErrName, http.StatusBadRequest, "not a file name"},
	{callback.ErrNumber, http.StatusBadRequest, "not a number"},
	{callback.ErrExpired, http.StatusBadRequest, "expiration: has passed"},
	{callback.ErrNoRoom, http.StatusTooManyRequests, "no room"},
	{bridge.ErrDraining, http.StatusServiceUnavailable, "draining"},
	{audio.ErrLimit, http.StatusRequestEntityTooLarge, "too large"},
	{fs.ErrNotExist, http.StatusNotFound, "not there"},

	{context.DeadlineExceeded, http.StatusServiceUnavailable, errLate.Error()},
	{context.Canceled, http.StatusRequestTimeout, "the client has left"}, // nobody reads it
}

// statusOf returns the status and the reason for an error. They say nothing of what is ours.
func statusOf(err error) (int, string) {
	if e, ok := errors.AsType[*wire.Error](err); ok {
		return http.StatusBadRequest, peertext.Printable(strings.TrimPrefix(e.Error(), "wire: "), maxReason)
	}
	for _, row := range statusTable {
		if errors.Is(err, row.err) {
			if row.reason == "" {
				return row.status, row.err.Error()
			}
			return row.status, row.reason
		}
	}
	return http.StatusInternalServerError, "failed"
}

// refuse answers with an error before the body has been read.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	cutOff(w, r)
	h.fail(w, err)
}

// fail answers with an error.
func (h *Handler) fail(w http.ResponseWriter, err error) {
	status, reason := statusOf(err)
	if status >= http.StatusInternalServerError {
		h.stats.failed.Add(1)
		h.log.Error("request failed", "status", status, "err", err)
	}
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`) // RFC 6750 section 3
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	h.write(w, status, &wire.Answer{Reason: reason})
}

// cutOff has the server end the connection after the answer, without waiting for what is left of a body.
func cutOff(w http.ResponseWriter, r *http.Request) {
	if r.Body == http.NoBody {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // where it can be set
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}

func (h *Handler) write(w http.ResponseWriter, status int, a *wire.Answer) {
	body, err := wire.AppendAnswer(nil, a)
	if err != nil { // more than an answer can hold
		h.stats.failed.Add(1)
		h.log.Error("answer failed", "err", err)
		status, body = http.StatusInternalServerError, []byte(`{"success":false,"reason":"failed"}`)
	}
	writeJSON(w, status, body)
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	head := w.Header()
	head.Set("Content-Type", "application/json")
	head.Set("Content-Length", strconv.Itoa(len(body)))
	head.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// allowOrigin lets web pages read an answer.
func (h *Handler) allowOrigin(head http.Header) {
	origin := h.Origin
	if origin == "" {
		origin = "*"
	}
	head.Set("Access-Control-Allow-Origin", origin)
	head.Set("Access-Control-Expose-Headers", "Accept-Ranges, Content-Range, Retry-After")
	head.Set("X-Content-Type-Options", "nosniff")
}

// preflight answers OPTIONS.
func preflight(w http.ResponseWriter, r *route) {
	head := w.Header()
	head.Set("Allow", r.allow())
	head.Set("Access-Control-Allow-Methods", r.allow())
	head.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Range")
	head.Set("Access-Control-Max-Age", "600")
	writeJSON(w, http.StatusOK, []byte("{}"))
}
