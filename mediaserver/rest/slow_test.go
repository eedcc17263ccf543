package rest_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipeListener accepts the ends of pipes.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// serve serves by HTTP, and returns what a client connects with.
func (s *stage) serve(t *testing.T) (dial func() net.Conn) {
	l := &pipeListener{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: s} // and no time limit of its own
	served := make(chan error)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return func() net.Conn {
		near, far := net.Pipe()
		l.conns <- far
		return near
	}
}

// TestSlowClients are cut off, those without a token at once.
func TestSlowClients(t *testing.T) {
	keys() // in real time
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		dial := s.serve(t)
		for _, c := range []struct {
			name, request string
			token         bool
			drip          time.Duration // between two bytes of the body
			status        int
			after         time.Duration
		}{
			{"no token", "POST " + split, false, 0, 401, 0},
			{"no such path", "POST " + base + "x", true, 0, 404, 0},
			{"not a file name", "PUT " + base + "promptfile/.a", true, 0, 400, 0},
			{"nothing of the body", "POST " + split, true, 0, 408, 10 * time.Second},
			{"a byte a second", "POST " + split, true, 999 * time.Millisecond, 408, 10 * time.Second},
			{"nothing of the file", "PUT " + file, true, 0, 408, 10 * time.Second},
			{"a byte in nine seconds", "PUT " + file, true, 9 * time.Second, 408, 5 * time.Minute},
		} {
			conn := dial()
			began := time.Now()
			head := c.request + " HTTP/1.1\r\nHost: api.example\r\nContent-Length: 1000\r\n"
			if c.token {
				head += "Authorization: Bearer " + tokenOf(t, ours) + "\r\n"
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				_, _ = io.WriteString(conn, head+"\r\n")
				for c.drip > 0 {
					time.Sleep(c.drip)
					if _, err := io.WriteString(conn, "{"); err != nil {
						return
					}
				}
			})
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if d := time.Since(began); resp.StatusCode != c.status || d != c.after || !resp.Close {
				t.Errorf("%s: %s after %v, close %v", c.name, resp.Status, d, resp.Close)
			}
			resp.Body.Close()
			conn.Close()
			wg.Wait()
		}
	})
}

// TestConnectionStays after what was asked in full, whatever the answer is.
func TestConnectionStays(t *testing.T) {
	keys()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		conn := s.serve(t)()
		defer conn.Close()
		answers := bufio.NewReader(conn)
		for _, c := range []struct {
			request, body string
			status        int
		}{
			{"POST " + split, splitBody, 200},
			{"POST " + split, "{}", 400},
			{"GET " + file, "", 404},
			{"PUT " + file, "sound", 200},
			{"GET " + file, "", 200},
		} {
			r, err := http.NewRequest(strings.Fields(c.request)[0], "http://api.example"+strings.Fields(c.request)[1], strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+tokenOf(t, ours))
			if err := r.Write(conn); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(answers, r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Error(err)
			}
			resp.Body.Close()
			if resp.StatusCode != c.status || resp.Close {
				t.Errorf("%s: %s, close %v", c.request, resp.Status, resp.Close)
			}
			time.Sleep(11 * time.Second) // longer than any deadline of the request before
		}
	})
}
