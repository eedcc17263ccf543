package rest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/alexacall/alexacall/mediaserver/wire"
)

const (
	bodyTime = 10 * time.Second // for a whole body, and for each part of a file
	fileTime = 5 * time.Minute  // for a file
)

// document reads a body that is JSON, and checks that it is the one that the token is of.
func (x *exchange) document() ([]byte, error) {
	return io.ReadAll(x.body(wire.MaxBody, bodyTime))
}

// body returns the body, of a limited size and time. At its end, Read fails unless it is the body that the token was signed for.
func (x *exchange) body(most int64, within time.Duration) io.Reader {
	return &body{
		of: x, from: http.MaxBytesReader(x.w, x.r.Body, most), conn: http.NewResponseController(x.w), until: time.Now().Add(within),
		most: most, sum: sha256.New(),
	}
}

type body struct {
	of    *exchange
	from  io.Reader
	conn  *http.ResponseController
	until time.Time
	most  int64
	sum   hash.Hash
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.of.r.ContentLength > b.most {
		return 0, errTooLarge // before any of it has come
	}
	part := time.Now().Add(bodyTime)
	if b.until.Before(part) {
		part = b.until
	}
	limited := b.conn.SetReadDeadline(part) == nil
	n, err := b.from.Read(p)
	_, _ = b.sum.Write(p[:n])
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, wrongBody(err)
	}
	b.of.whole = true
	if limited {
		// The server goes on reading, to see whether the client leaves; passing the deadline would look like that.
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	if b.of.claims.Body != nil {
		if err := b.of.claims.CheckSum(b.sum.Sum(nil)); err != nil {
			return n, err
		}
	}
	return n, io.EOF
}

// wrongBody says what has become of a body that cannot be read.
func wrongBody(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errSlow
	}
	return fmt.Errorf("%w: %w", errBroken, err)
}

// limit returns a context that ends when a request has taken too long.
func (x *exchange) limit() (context.Context, context.CancelFunc) {
	within := x.Within
	if within == 0 {
		within = defaultWithin
	}
	return context.WithTimeoutCause(x.r.Context(), within, errLate)
}
