package rtc

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// bodyTime is how long a request's body may take to come, of the time that the answer has. It comes with its header, in a packet or two.
const bodyTime = 2 * time.Second

// ServeHTTP takes a directive as the body of a POST, and answers 200 with the event, also where that is an error; 400 to what is no
// directive at all; and 403 to everything while there is no Authorize, since the bearer token is all that tells who sends it. Amazon
// reaches a smart-home skill through Lambda only, so this is for what forwards directives, and for tests: it wants TLS in front of it.
//
// A body has two seconds to come where the http.ResponseWriter can set a deadline, as those of net/http can. Time and size of the header
// are the server's to limit.
func (k *Skill) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.init()
	came := time.Now()
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		k.reject(w, r, http.StatusMethodNotAllowed, errMethod)
		return
	}
	if k.Authorize == nil {
		k.reject(w, r, http.StatusForbidden, errNoAuthorize)
		return
	}
	body, err := readBody(w, r)
	if err != nil {
		k.reject(w, r, http.StatusBadRequest, err)
		return
	}
	event, err := k.handle(r.Context(), came, body)
	if _, bad := errors.AsType[*ParseError](err); bad {
		k.stats.refused.Add(^uint64(0)) // reject counts it
		k.reject(w, r, http.StatusBadRequest, err)
		return
	}
	if err != nil { // nobody waits any more
		http.Error(w, "gone", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(event)))
	_, _ = w.Write(event)
}

var (
	errMethod      = errors.New("rtc: only POST")
	errNoAuthorize = errors.New("rtc: the skill has no Authorize")
)

// readBody reads a body up to MaxDirective, and cuts off a client that is too slow with it.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	conn := http.NewResponseController(w)
	limited := conn.SetReadDeadline(time.Now().Add(bodyTime)) == nil
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxDirective))
	if err == nil && limited {
		// The server goes on reading, to see whether the client leaves; passing the deadline would look like that.
		err = conn.SetReadDeadline(time.Time{})
	}
	return body, err
}

// reject refuses a request, and has the server end the connection without waiting for what is left of the body.
func (k *Skill) reject(w http.ResponseWriter, r *http.Request, status int, err error) {
	k.stats.refused.Add(1)
	k.logger().Warn("request refused", "status", status, "err", err)
	_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // where it can be set
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	http.Error(w, "refused", status)
}
