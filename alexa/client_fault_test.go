package alexa_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/lwa"
)

// TestFaults tells all kinds of failure apart.
func TestFaults(t *testing.T) {
	const state = "The call is not in progress or not in ringing state."
	quoting := func(code int, text string) answer { return said(code, fmt.Sprintf(`{"message":%q}`, text)) }
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, tt := range []struct {
		name      string
		answer    answer
		want      alexa.Fault
		retryable bool
		uncertain bool
	}{
		{"row 1", quoting(400, state), alexa.FaultState, false, false},
		{"400 with a name that nobody knows", said(400, "{}", "X-Amzn-Errortype", "CallNotInProgressException:"), alexa.FaultRequest, false, false},
		{"row 2", quoting(400, "The request is malformed."), alexa.FaultRequest, false, false},
		{"row 2 without a word", said(400, ""), alexa.FaultRequest, false, false},
		{"row 3", status(401), alexa.FaultUnauthorized, false, false},
		{"row 4", status(403), alexa.FaultForbidden, false, false},
		{"row 5", status(404), alexa.FaultNotFound, false, false},
		{"row 6", status(409), alexa.FaultConflict, true, false},
		{"row 7", status(429), alexa.FaultThrottled, true, false},
		{"row 8", status(500), alexa.FaultInternal, true, true},
		{"502", status(502), alexa.FaultInternal, true, true},
		{"302", status(302), alexa.FaultStatus, false, false},
		{"413", status(413), alexa.FaultStatus, false, false},

		{"no such host", failing(dial(&net.DNSError{Err: "no such host", Name: "api.amazonalexa.com", IsNotFound: true})), alexa.FaultDNS, true, false},
		{"resolver is silent", failing(dial(&net.DNSError{Err: "timeout", IsTimeout: true})), alexa.FaultDNS, true, false},
		{"refused", failing(dial(os.NewSyscallError("connect", syscall.ECONNREFUSED))), alexa.FaultConnect, true, false},
		{"no route in time", failing(dial(context.DeadlineExceeded)), alexa.FaultConnect, true, false},
		{"wrong certificate", failing(&tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: new(x509.Certificate), Host: "h"}}), alexa.FaultTLS, true, false},
		{"no TLS", failing(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}), alexa.FaultTLS, true, false},
		{"HTTP without TLS", failing(tls.RecordHeaderError{RecordHeader: [5]byte([]byte("HTTP/"))}), alexa.FaultTLS, true, false},
		{"alert", failing(alert(t)), alexa.FaultTLS, true, true},
		{"silence", silent, alexa.FaultSilence, true, true},
		{"silence of the network", failing(&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}), alexa.FaultSilence, true, true},
		{"reset", failing(&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}), alexa.FaultBroken, true, true},
		{"end", failing(io.ErrUnexpectedEOF), alexa.FaultBroken, true, true},
		{"half a body of an error", func(*http.Request) (reply, error) {
			return reply{503, nil, io.NopCloser(io.MultiReader(strings.NewReader(`{"message":"half`), brokenBody{}))}, nil
		}, alexa.FaultInternal, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _, _ := newClient(t, tt.answer)
				err := c.Send(t.Context(), requests()[alexa.CallRinging])
				e, ok := errors.AsType[*alexa.Error](err)
				if !ok || e.Fault() != tt.want || e.Retryable() != tt.retryable || e.Uncertain != tt.uncertain {
					t.Fatalf("got %v of %T, uncertain %v: %v", e.Fault(), err, e.Uncertain, err)
				}
				if e.Status == 0 && !strings.Contains(err.Error(), tt.want.String()) {
					t.Errorf("%q does not say %q", err, tt.want)
				}
				if n := c.Stats(); n.Faults[tt.want] != n.Tries || n.Failed != 1 || n.Messages != 1 {
					t.Errorf("stats %+v", n)
				}
			})
		})
	}
}

// alert returns what a client says of a handshake that the server has refused.
func alert(t *testing.T) error {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		defer far.Close()
		_ = tls.Server(far, &tls.Config{MinVersion: tls.VersionTLS13}).HandshakeContext(t.Context())
	}()
	err := tls.Client(near, &tls.Config{ServerName: "h", MaxVersion: tls.VersionTLS12}).HandshakeContext(t.Context())
	if err == nil {
		t.Fatal("the handshake has succeeded")
	}
	return err
}

func TestFaultsWithoutATry(t *testing.T) {
	for name, tt := range map[string]struct {
		err  *alexa.Error
		want alexa.Fault
	}{
		"source": {&alexa.Error{Err: errors.New("of somebody's own")}, alexa.FaultBroken},
		"empty":  {&alexa.Error{}, alexa.FaultBroken},
	} {
		if got := tt.err.Fault(); got != tt.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c, _, k := newClient(t, silent)
		c.Endpoint = "ftp://x"
		var e *alexa.Error
		if err := c.Send(t.Context(), requests()[alexa.CallRinging]); !errors.As(err, &e) || e.Fault() != alexa.FaultSetup {
			t.Errorf("got %v", err)
		}
		c.Endpoint, k.err = "", &lwa.Error{Status: 400, Code: "invalid_grant"}
		if err := c.Send(t.Context(), requests()[alexa.CallRinging]); !errors.As(err, &e) || e.Fault() != alexa.FaultNoToken || e.Retryable() {
			t.Errorf("got %v", err)
		}
		k.err = nil
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("the caller hung up"))
		if err := c.Send(ctx, requests()[alexa.CallRinging]); !errors.As(err, &e) || e.Fault() != alexa.FaultCancelled {
			t.Errorf("got %v", err)
		}
	})
}

func TestFaultsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for f := range alexa.FaultSetup + 1 {
		s := f.String()
		named := f >= alexa.FaultState && f <= alexa.FaultInternal || f >= alexa.FaultStatus
		if seen[s] || named == strings.HasPrefix(s, "fault ") {
			t.Errorf("fault %d is %q", f, s)
		}
		seen[s] = true
	}
}

// TestExceptionNames reads what Amazon's services call an exception, and her id of a request.
func TestExceptionNames(t *testing.T) {
	for _, tt := range []struct{ name, header, body, want, message string }{
		{"header", "ConflictException:http://internal.amazon.com/coral/", `{"message":"m"}`, "ConflictException", "m"},
		{"code", "", `{"message":"m","code":"THROTTLING_EXCEPTION"}`, "THROTTLING_EXCEPTION", "m"},
		{"type", "", `{"__type":"com.amazon.coral#ValidationException","message":"m"}`, "ValidationException", "m"},
		{"payload", "", `{"header":{},"payload":{"code":"INVALID_REQUEST_EXCEPTION","description":"d"}}`, "INVALID_REQUEST_EXCEPTION", "d"},
		{"header first", "A", `{"code":"B"}`, "A", ""},
		{"number", "", `{"message":"m","code":7}`, "", "m"},
		{"an address", "", `{"code":"+12065550100"}`, "", ""},
		{"words", "", `{"code":"not a name"}`, "", ""},
		{"long", "", `{"code":"` + strings.Repeat("a", 65) + `"}`, "", ""},
		{"what we sent", "Reception", `{}`, "", ""},
		{"line breaks", "", `{"code":"A\r\nB"}`, "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _, _ := newClient(t, said(400, tt.body, "X-Amzn-Errortype", tt.header, "X-Amzn-Requestid", "af-7\x7f"))
			m := requests()[alexa.InitiateInboundCall]
			m.CustomParams = &alexa.CustomParams{CallerName: "Reception"}
			var e *alexa.Error
			if err := c.Send(t.Context(), m); !errors.As(err, &e) {
				t.Fatal(err)
			}
			if e.Exception != tt.want || e.Message != tt.message || e.RequestID != "af-7 " || !strings.Contains(e.Error(), tt.want) {
				t.Errorf("%s: got %q, %q, %q", tt.name, e.Exception, e.Message, e.RequestID)
			}
		})
	}
}

// TestHealth says so while a person has something to mend.
func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, k := newClient(t, status(403), status(400), status(200), status(401), status(401), status(200), status(404))
		send := func() { _ = c.Send(t.Context(), requests()[alexa.CallRinging]) }
		want := func(because string, status int) {
			t.Helper()
			err := c.Health()
			if e, ok := errors.AsType[*alexa.Error](err); ok != (status >= 0) || ok && e.Status != status {
				t.Errorf("%s: %v", because, err)
			}
		}
		want("at first", -1)
		send()
		want("403", 403)
		send()
		want("400 says nothing about it", 403)
		send()
		want("a message was taken", -1)
		send()
		want("401 with a new token", 401)
		send()
		want("taken", -1)
		send()
		want("404", -1)
		k.err = &lwa.Error{Status: 503}
		send()
		want("an outage", -1)
		k.err = &lwa.Error{Status: 400, Code: "invalid_grant"}
		send()
		want("the grant was withdrawn", 0)
	})
}
