//go:build unix

package lambda_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/lambda"
	"github.com/alexacall/alexacall/alexa/lambda/forward"
)

const (
	childEnv = "ALEXACALL_TEST_FUNCTION"
	skillID  = "amzn1.ask.skill.c966b8cb-80bc-4482-8ddf-63af59ca07fc"
	secret   = "0123456789abcdef0123456789abcdef"
	receipt  = `{"version":"1.0","response":{}}`
)

// function is the program that runs as a Lambda function.
func function(what string) {
	switch what {
	case "skill":
		skill := &alexa.Skill{ID: skillID}
		lambda.Start(skill.HandleEvent, nil)
	case "forward":
		key, err := forward.NewKey([]byte(secret))
		roots := x509.NewCertPool()
		if err != nil || !roots.AppendCertsFromPEM([]byte(os.Getenv("ROOTS"))) {
			return
		}
		trust := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
		f := &forward.Forwarder{URL: os.Getenv("SERVER"), Key: key, HTTPClient: trust}
		lambda.Start(f.Forward, nil)
	case "shutdown":
		lambda.Start(func(context.Context, []byte) ([]byte, error) { return []byte("1"), nil }, &lambda.Options{Shutdown: func() {
			if r, err := http.Get(os.Getenv("SERVER")); err == nil {
				_ = r.Body.Close()
			}
		}})
	case "handler":
		lambda.Start(func(ctx context.Context, event []byte) ([]byte, error) {
			end, ok := ctx.Deadline()
			switch string(event) {
			case `"panic"`:
				panic("for the test")
			case `"error"`:
				return nil, errors.New("out of order")
			case `"wait"`:
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return fmt.Appendf(nil, `{"left":%t}`, ok && time.Until(end) > 0), nil
		}, &lambda.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	}
}

// runtimeAPI is what Lambda has beside a function: the interface from which it gets events and which it tells the answers
// ("Using the Lambda runtime API" in Amazon's documentation).
type runtimeAPI struct {
	t      *testing.T
	events chan invocation
	done   chan struct{}

	process *os.Process

	mu      sync.Mutex
	waiting map[string]chan outcome
	n       int
}

type invocation struct {
	id    string
	event []byte
	limit time.Duration
}

type outcome struct {
	failed bool
	body   []byte
}

// start runs the program as a function, until the test ends.
func start(t *testing.T, what string, env ...string) *runtimeAPI {
	t.Helper()
	a := &runtimeAPI{t: t, events: make(chan invocation), done: make(chan struct{}), waiting: map[string]chan outcome{}}
	server := httptest.NewServer(a)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), append(env, childEnv+"="+what, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(server.URL, "http://"))...)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a.process = cmd.Process
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		close(a.done)
		server.Close()
		if t.Failed() || strings.Contains(log.String(), secret) {
			t.Errorf("the function logged: %s", &log)
		}
	})
	return a
}

// ServeHTTP implements http.Handler.
func (a *runtimeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path { // of the Extensions API
	case "/2020-01-01/extension/register":
		w.Header().Set("Lambda-Extension-Identifier", "extension")
		return
	case "/2020-01-01/extension/event/next":
		select {
		case <-r.Context().Done():
		case <-a.done:
		}
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/2018-06-01/runtime/invocation/")
	if !ok {
		a.t.Errorf("the function asked for %s", r.URL)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if path == "next" {
		a.next(w, r)
		return
	}
	id, what, _ := strings.Cut(path, "/")
	body, err := io.ReadAll(r.Body)
	a.mu.Lock()
	to := a.waiting[id]
	delete(a.waiting, id)
	a.mu.Unlock()
	if err != nil || to == nil || what != "response" && what != "error" {
		a.t.Errorf("%s of the function: %v", path, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	to <- outcome{what == "error", body}
	w.WriteHeader(http.StatusAccepted)
}

func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	select {
	case e := <-a.events:
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", e.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(e.limit).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:calls")
		_, _ = w.Write(e.event)
	case <-r.Context().Done():
	case <-a.done:
	}
}

// invoke has the function answer an event.
func (a *runtimeAPI) invoke(event string, limit time.Duration) outcome {
	a.t.Helper()
	a.mu.Lock()
	a.n++
	e := invocation{"request-" + strconv.Itoa(a.n), []byte(event), limit}
	answer := make(chan outcome, 1)
	a.waiting[e.id] = answer
	a.mu.Unlock()
	late := time.After(time.Minute)
	select {
	case a.events <- e:
	case <-late:
		a.t.Fatal("the function does not ask for events")
	}
	select {
	case o := <-answer:
		return o
	case <-late:
		a.t.Fatal("the function does not answer")
	}
	return outcome{}
}

// wants invokes the function and wants an answer, or an error that says so.
func (a *runtimeAPI) wants(event, answer, fails string) {
	a.t.Helper()
	o := a.invoke(event, time.Minute)
	if o.failed != (fails != "") || !o.failed && string(o.body) != answer || o.failed && !strings.Contains(errorOf(o), fails) {
		a.t.Errorf("%s: got %s, failed %v; want %s, %q", event, o.body, o.failed, answer, fails)
	}
}

func errorOf(o outcome) string {
	var e struct{ ErrorMessage, ErrorType string }
	_ = json.Unmarshal(o.body, &e)
	return e.ErrorType + ": " + e.ErrorMessage
}

func eventFor(skill, request string) string {
	return `{"version":"1.0","context":{"System":{"application":{"applicationId":"` + skill + `"}}},"request":` + request + `}`
}

const ended = `{"type":"Alexa.Comms.CallSignaling.CallEnded","requestId":"r","sessionId":"s"}`

// TestFunction runs handlers under aws-lambda-go itself: answers, errors, a panic and the end of the time, each costing one event.
func TestFunction(t *testing.T) {
	t.Parallel()
	a := start(t, "handler")
	a.wants(`"left"`, `{"left":true}`, "")
	a.wants(`"error"`, "", "out of order")
	a.wants(`"panic"`, "", "handler panicked")
	if o := a.invoke(`"wait"`, 500*time.Millisecond); !o.failed || !strings.Contains(errorOf(o), "deadline exceeded") {
		t.Errorf("late: %s", o.body)
	}
	a.wants(`"left"`, `{"left":true}`, "")
}

// TestShutdown is told of the end of the environment.
func TestShutdown(t *testing.T) {
	t.Parallel()
	told := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(told) }))
	defer server.Close()
	a := start(t, "shutdown", "SERVER="+server.URL)
	a.wants("{}", "1", "") // so it runs
	if err := a.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-told:
	case <-time.After(time.Minute):
		t.Error("nothing was told of the end")
	}
}

// TestSkillAsFunction answers the events of one skill.
func TestSkillAsFunction(t *testing.T) {
	t.Parallel()
	a := start(t, "skill")
	a.wants(eventFor(skillID, ended), receipt, "")
	a.wants(eventFor(skillID, `{"type":"LaunchRequest"}`), receipt, "")
	a.wants(eventFor("amzn1.ask.skill.other", ended), "", "VerifyError: alexa: request refused: skill id")
	a.wants(eventFor(skillID, `{}`), "", "ParseError: alexa: cannot parse request.type: missing")
}

// TestForwardingFunction passes events to a program, by TLS, where a skill answers them; and says so when it cannot.
func TestForwardingFunction(t *testing.T) {
	t.Parallel()
	key, err := forward.NewKey([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	skill := &alexa.Skill{ID: skillID, Other: func(_ context.Context, e *alexa.Event) ([]byte, error) {
		return json.Marshal(e.RequestType)
	}}
	receiver := &forward.Receiver{Keys: []forward.Key{key}, Handle: skill.HandleEvent}
	server := httptest.NewTLSServer(receiver)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	roots := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	a := start(t, "forward", "SERVER="+server.URL+"/events", "ROOTS="+roots)
	a.wants(eventFor(skillID, ended), receipt, "")
	a.wants(eventFor(skillID, ended), receipt, "") // Amazon's retry
	a.wants(eventFor(skillID, `{"type":"LaunchRequest","requestId":"l"}`), `"LaunchRequest"`, "")
	a.wants(eventFor("amzn1.ask.skill.other", ended), "", "forward: the server answered 500: failed")
	if st := skill.Stats(); st.Events != 1 || st.Repeated != 1 || st.Others != 1 || st.Refused != 1 {
		t.Errorf("stats of the skill %+v", st)
	}
	if st := receiver.Stats(); st != (forward.ReceiverStats{Handled: 4, Failed: 1}) {
		t.Errorf("stats of the receiver %+v", st)
	}
	if err := receiver.Close(); err != nil {
		t.Error(err)
	}
	a.wants(eventFor(skillID, ended), "", "503: closed")
	server.Close()
	a.wants(eventFor(skillID, ended), "", "forward: no answer from the server")
	o := a.invoke(`{"directive":{"header":{"namespace":"Alexa.RTCSessionController","name":"SessionConnected","correlationToken":"t"},"endpoint":{"endpointId":"door"}}}`, time.Minute)
	if o.failed || !strings.Contains(string(o.body), `"BRIDGE_UNREACHABLE"`) {
		t.Errorf("a directive: %s", o.body)
	}
	if err := skill.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}
