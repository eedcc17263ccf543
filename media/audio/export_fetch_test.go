package audio

import (
	"net/http"
	"time"
)

// Limits of what a Fetcher takes of a server's header.
const (
	MaxValidator = maxValidator
	MaxFresh     = maxFresh
)

// Kept is what a Fetcher keeps of a header, twice: of the file's, and of that of an answer that says that it has not changed.
func Kept(h, again http.Header, now time.Time) (until, renewed time.Time, asks http.Header, head []byte) {
	a := aboutOf(h, now)
	b := a.renewed(again, now)
	asks = http.Header{}
	b.ask(asks)
	head, _ = b.head() // what is too long is not kept in a folder
	return a.Until, b.Until, asks, head
}
