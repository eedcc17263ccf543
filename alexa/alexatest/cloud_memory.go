package alexatest

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"syscall"
)

// memoryWriter takes an answer in memory, and what becomes of its connection.
type memoryWriter struct {
	*httptest.ResponseRecorder
	lost bool
}

// result returns the answer as a client gets it.
func (w *memoryWriter) result(r *http.Request) (*http.Response, error) {
	if w.lost {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	res := w.Result()
	res.Request = r
	if n, err := strconv.Atoi(res.Header.Get("Content-Length")); err == nil && w.Body.Len() < n {
		res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(w.Body.Bytes()), brokenReader{}))
	}
	return res, nil
}

// brokenReader is a connection that has ended too soon.
type brokenReader struct{}

// Read implements io.Reader.
func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// cut resets the connection without an answer.
func cut(w http.ResponseWriter) {
	if m, ok := w.(*memoryWriter); ok {
		m.lost = true
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return // there is no connection that could be cut: the answer stays empty
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// replyHalf promises an answer and ends the connection in the middle of it, as net/http does when a handler writes too little.
func replyHalf(w http.ResponseWriter, status int, body any) {
	text, _ := json.Marshal(body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text[:len(text)/2])
}
