package stories

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// How long messages are on their way. That they differ, and none is a multiple of another, gives all messages of a story their times and
// so their order.
const (
	postTakes  = 11 * time.Millisecond
	eventTakes = 13 * time.Millisecond
	sipTakes   = 7 * time.Millisecond
)

// wayTable has who speaks first at one moment: the cloud acknowledges at the moment when it is asked. Who is not in it comes before, and in
// flows the server before the others.
var wayTable = []string{string(alexatest.FromSkill), string(alexatest.ToSkill), toPhone, fromPhone}

const (
	toPhone   = "gateway -> phone"
	fromPhone = "phone -> gateway"
)

// line is one message of a transcript.
type line struct {
	at   time.Duration
	way  string // from whom to whom
	what string
}

// record is what was said on the SIP side. It is safe for concurrent use.
type record struct {
	began time.Time

	mu    sync.Mutex
	lines []line
}

func (r *record) add(way, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line{time.Since(r.began), way, what})
}

// with returns the lines together with those of the Alexa side, in the order of time. whose says which way a message of that side goes.
func (r *record) with(entries []alexatest.Entry, whose func(*alexatest.Entry) string) []line {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.lines)
	for _, e := range entries {
		all = append(all, line{e.At, whose(&e), e.Summary()})
	}
	slices.SortStableFunc(all, func(a, b line) int {
		if a.at != b.at {
			return cmp.Compare(a.at, b.at)
		}
		if a.way != b.way {
			return cmp.Or(slices.Index(wayTable, a.way)-slices.Index(wayTable, b.way), fromServer(b.way)-fromServer(a.way), strings.Compare(a.way, b.way))
		}
		return strings.Compare(a.what, b.what) // of two goroutines, which have no order
	})
	return all
}

// fromServer is more than 0 for what a flow's server says, and most for what it says to parties.
func fromServer(way string) int {
	switch {
	case way == toApp:
		return 1
	case strings.HasPrefix(way, "server"):
		return 2
	}
	return 0
}

// slowly is a skill, or the way to the cloud, that takes its time.
type slowly struct {
	handler http.Handler
	trip    http.RoundTripper
}

func (s slowly) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(eventTakes)
	s.handler.ServeHTTP(w, r)
}

func (s slowly) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(postTakes)
	return s.trip.RoundTrip(r)
}

// tapped is one side's SIP socket: what leaves it is noted, and is on its way for a while.
type tapped struct {
	net.PacketConn
	way func(to net.Addr) string
	rec *record

	queue chan packet
	once  sync.Once
	done  chan struct{}
	work  sync.WaitGroup
}

type packet struct {
	due  time.Time
	data []byte
	to   net.Addr
}

func tap(c net.PacketConn, way func(to net.Addr) string, rec *record) *tapped {
	t := &tapped{PacketConn: c, way: way, rec: rec, queue: make(chan packet, 100), done: make(chan struct{})}
	t.work.Go(func() {
		for {
			select {
			case p := <-t.queue:
				time.Sleep(time.Until(p.due))
				_, _ = t.PacketConn.WriteTo(p.data, p.to)
			case <-t.done:
				return
			}
		}
	})
	return t
}

func (t *tapped) WriteTo(b []byte, to net.Addr) (int, error) {
	if what := sipSummary(string(b)); what != "" {
		t.rec.add(t.way(to), what)
	}
	select {
	case t.queue <- packet{time.Now().Add(sipTakes), slices.Clone(b), to}:
		return len(b), nil
	case <-t.done:
		return 0, net.ErrClosed
	}
}

func (t *tapped) Close() error {
	t.once.Do(func() { close(t.done) })
	t.work.Wait()
	return t.PacketConn.Close()
}

// sipSummary says what a SIP message is, on one line without anything that is random; "" for what only keeps a way open.
func sipSummary(text string) string {
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	first := strings.Fields(lines[0])
	if len(first) < 3 {
		return ""
	}
	what := first[0]
	if first[0] == "SIP/2.0" {
		what = first[1]
		for _, l := range lines {
			if cseq, ok := strings.CutPrefix(l, "CSeq:"); ok {
				what += " to " + strings.Fields(cseq)[1]
			}
		}
	}
	if sections := sdpSections(body); len(sections) > 0 {
		what += fmt.Sprintf(" [%s]", strings.Join(sections, ", "))
	}
	return what
}

// sdpSections describes each m-section of a description.
func sdpSections(body string) (sections []string) {
	dir := "sendrecv"
	for i, part := range strings.Split("\r\n"+body, "\r\nm=") {
		lines := strings.Split(part, "\r\n")
		here, names := dir, map[string]string{"0": "PCMU", "8": "PCMA"}
		for _, l := range lines {
			a, ok := strings.CutPrefix(l, "a=")
			if !ok {
				continue
			}
			if slices.Contains([]string{"sendrecv", "sendonly", "recvonly", "inactive"}, a) {
				here = a
			}
			if pt, codec, ok := strings.Cut(strings.TrimPrefix(a, "rtpmap:"), " "); ok && strings.HasPrefix(a, "rtpmap:") {
				names[pt], _, _ = strings.Cut(codec, "/")
			}
		}
		if i == 0 {
			dir = here
			continue
		}
		f := strings.Fields(lines[0])
		if f[1] == "0" {
			sections = append(sections, f[0]+" rejected")
			continue
		}
		words := []string{f[0], here}
		for _, pt := range f[3:] {
			if !slices.Contains(words, names[pt]) {
				words = append(words, names[pt])
			}
		}
		sections = append(sections, strings.Join(words, " "))
	}
	return sections
}
