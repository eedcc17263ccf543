package forward

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	defaultLimit = 7 * time.Second        // for an event: Alexa waits 8 s
	margin       = 500 * time.Millisecond // left of a function's time, to say what went wrong
	dialLimit    = 2 * time.Second        // so that a second try has time
	maxWord      = 64                     // bytes of what the server says of an error
)

// A Forwarder passes events to a Receiver. Set the fields before the first use and leave them; URL and Key are needed. It is safe for
// concurrent use and must not be copied.
type Forwarder struct {
	// URL is where the Receiver is: https only.
	URL string

	// Key signs. The Receiver has it too.
	Key Key

	// Limit is how long an event may take, with all its tries. 0: 7 s. It ends half a second before the context's deadline in any case.
	Limit time.Duration

	// HTTPClient sends events. Nil: a client of the Forwarder's own, which trusts what the system trusts. Its redirect policy is not
	// used: redirects are refused.
	HTTPClient *http.Client

	// Logger is silent if nil.
	Logger *slog.Logger

	once   sync.Once
	client *http.Client
	target *url.URL
	err    error // of the fields
}

// An Error says why an event was not answered.
type Error struct {
	Status int    // what the server answered; 0: nothing
	Text   string // in one word, when it is a Receiver
	Err    error  // from below; may be nil
}

// Error returns the facts in one line, without a secret.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("forward: ")
	if e.Status == 0 {
		b.WriteString("no answer from the server")
	} else {
		fmt.Fprintf(&b, "the server answered %d", e.Status)
	}
	if e.Text != "" {
		b.WriteString(": " + e.Text)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an *Error with the same Status, as in errors.Is(err, &forward.Error{Status: 401}).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Status == e.Status
}

func (f *Forwarder) init() {
	f.once.Do(func() {
		f.target, f.err = url.Parse(f.URL)
		switch {
		case f.Key.IsZero():
			f.err = errNoKey
		case f.err != nil || f.target.Scheme != "https" || f.target.Host == "" || f.target.User != nil:
			f.err = errors.New("forward: the URL is not one of https without a user")
		}
		f.client = &http.Client{}
		if f.HTTPClient != nil {
			*f.client = *f.HTTPClient
		} else {
			f.client.Transport = &http.Transport{
				Proxy:               http.ProxyFromEnvironment,
				DialContext:         (&net.Dialer{Timeout: dialLimit}).DialContext,
				TLSHandshakeTimeout: dialLimit,
				IdleConnTimeout:     time.Minute,
				DisableCompression:  true,
			}
		}
		f.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	})
}

// Forward passes an event on and returns the answer to it. It is what a Lambda function runs: it looks at nothing in the event, and ends
// before the function's time does. When the connection fails in a way that leaves the server without the request, or with a nonce by
// which it knows it, it is sent again, up to twice. The error is an *Error; a directive of the smart-home kind gets an ErrorResponse
// instead, and the error goes to the Logger only.
func (f *Forwarder) Forward(ctx context.Context, event []byte) ([]byte, error) {
	f.init()
	answer, err := f.forward(ctx, event)
	if err == nil {
		return answer, nil
	}
	if f.Logger != nil {
		f.Logger.Warn("event not forwarded", "err", err)
	}
	if answer := directiveError(event, err); answer != nil {
		return answer, nil
	}
	return nil, err
}

var errTooLong = fmt.Errorf("more than %d bytes", MaxBody)

func (f *Forwarder) forward(ctx context.Context, event []byte) ([]byte, error) {
	if f.err != nil {
		return nil, &Error{Err: f.err}
	}
	if len(event) > MaxBody {
		return nil, &Error{Text: "the event", Err: errTooLong}
	}
	limit := f.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end)-margin)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	nonce := rand.Text()
	for try, pause := 1, 100*time.Millisecond; ; try, pause = try+1, 4*pause {
		answer, again, err := f.send(ctx, nonce, event)
		if err == nil || !again || try == 3 {
			return answer, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// send tries once. again says that the request may be sent again: nothing of it was written, or it was written to a connection that had
// been idle, perhaps as long as the function was frozen, and not a byte has come back. In the latter case the server may have it; then
// it knows the nonce.
func (f *Forwarder) send(ctx context.Context, nonce string, event []byte) (answer []byte, again bool, err error) {
	var way journey
	unix := strconv.FormatInt(time.Now().Unix(), 10)
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, way.trace()), http.MethodPost, f.target.String(), bytes.NewReader(event))
	if err != nil {
		return nil, false, &Error{Err: err}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(headerTime, unix)
	r.Header.Set(headerNonce, nonce)
	r.Header.Set(headerSignature, hex.EncodeToString(f.Key.sum(unix, nonce, event)))
	res, err := f.client.Do(r)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // whoever reads it knows the URL
		}
		return nil, ctx.Err() == nil && way.harmless(), &Error{Err: err}
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(res.Body, MaxBody+1))
	switch {
	case res.StatusCode != http.StatusOK:
		return nil, false, &Error{Status: res.StatusCode, Text: word(answer)}
	case err != nil:
		return nil, false, &Error{Status: res.StatusCode, Text: "the answer broke off", Err: err}
	case len(answer) > MaxBody:
		return nil, false, &Error{Status: res.StatusCode, Text: "the answer", Err: errTooLong}
	}
	return answer, false, nil
}

// word returns what may be repeated of an error's answer.
func word(answer []byte) string {
	s := strings.TrimSpace(string(answer[:min(len(answer), maxWord)]))
	if strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && r != ' ' }) {
		return ""
	}
	return s
}

// journey is how far a request has come.
type journey struct {
	mu                    sync.Mutex
	reused, wrote, answer bool
}

func (j *journey) trace() *httptrace.ClientTrace {
	set := func(change func()) {
		j.mu.Lock()
		defer j.mu.Unlock()
		change()
	}
	return &httptrace.ClientTrace{
		GotConn:              func(i httptrace.GotConnInfo) { set(func() { j.reused, j.wrote, j.answer = i.Reused, false, false }) },
		WroteHeaders:         func() { set(func() { j.wrote = true }) },
		GotFirstResponseByte: func() { set(func() { j.answer = true }) },
	}
}

func (j *journey) harmless() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return !j.wrote || j.reused && !j.answer
}
