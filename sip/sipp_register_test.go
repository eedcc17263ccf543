package sip_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
)

// sippRegistrar is SIPp as a registrar that asks for credentials, wants more time, and is asked again and left in the end.
func sippRegistrar(t *testing.T) string {
	steps := 0
	asked := func(expires string) string {
		steps++
		check := `<ereg regexp="expires=` + expires + `" search_in="hdr" header="Contact:" check_it="true" assign_to="asked"/>`
		return sippProved("REGISTER", check, fmt.Sprint("step", steps))
	}
	kept := func(expires string) string {
		return sippAnswer("200 OK", "Contact: <sip:gw@127.0.0.1>;expires="+expires)
	}
	return sippOwn(t, `<recv request="REGISTER"/>`, sippChallenge(), asked("60"), sippAnswer("423 Interval Too Brief", "Min-Expires: 90"),
		asked("90"), kept("2"), asked("90"), kept("600"), asked("0"), sippAnswer("200 OK"),
		`<label id="end"/>`, `<Reference variables="asked"/>`)
}

// TestInteropSIPpRegister registers at SIPp, many times at once: with credentials, for longer than wanted, with one refresh and an end.
func TestInteropSIPpRegister(t *testing.T) {
	testutil.Need(t, "sipp")
	t.Parallel()
	for _, c := range []struct{ name, flag, suffix string }{{"UDP", "u1", ""}, {"TCP", "t1", ";transport=tcp"}} {
		t.Run(c.name, func(t *testing.T) {
			a := listen(t, nil)
			port := freePort(t)
			done := async(func() error { return sipp(t, "-sf", sippRegistrar(t), "-t", c.flag, "-p", port) })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			waitListener(ctx, t, c.flag, port)
			ended := make([]<-chan error, sippRuns)
			for n := range ended {
				ended[n] = async(func() error {
					r, err := a.Register(ctx, &sip.RegisterOptions{
						AOR: bridge.Party{URI: "sip:gw@127.0.0.1"}, Registrar: "sip:127.0.0.1:" + port + c.suffix, Expires: time.Minute, Credentials: trunkUser,
					})
					if err != nil {
						return err
					}
					for ctx.Err() == nil && time.Until(r.Until()) < time.Minute { // until the refresh, which is granted more
						time.Sleep(10 * time.Millisecond)
					}
					return r.Close()
				})
			}
			for _, e := range ended {
				if err := <-e; err != nil {
					t.Error(err)
				}
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// registers registers at SIPp once that is there: for a connection that fails it would wait half a minute. The registration stands until the
// agent is closed.
func registers(ctx context.Context, p *play) error {
	if _, network, _ := strings.Cut(p.to, "transport="); network != "udp" {
		if err := listening(ctx, p.port); err != nil {
			return err
		}
	}
	_, err := p.agent.Register(ctx, &sip.RegisterOptions{
		AOR: bridge.Party{URI: "sip:sipp@example.com"}, Registrar: p.to,
		Credentials: []sip.Credentials{{Host: "127.0.0.1", Username: "sipp", Password: "sipp"}},
	})
	return err
}
