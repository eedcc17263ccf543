package siptest_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/sip/siptest"
)

func TestManyCallsAtOnce(t *testing.T) {
	b := phone(t, &siptest.PhoneOptions{NoMedia: true})
	const calls = 40
	errs := make(chan error, calls)
	for i := range calls {
		a := phone(t, &siptest.PhoneOptions{NoMedia: true, Network: []string{"udp", "tcp"}[i%2]})
		go func() {
			errs <- func() error {
				c, err := a.Call(t.Context(), b.URI(), nil)
				if err != nil {
					return err
				}
				if err := c.WaitState(t.Context(), siptest.Up); err != nil {
					return err
				}
				if got, want := c.Responses(), []int{100, 180, 200}; !slices.Equal(got, want) {
					return fmt.Errorf("responses %v, want %v", got, want)
				}
				return c.Hangup(t.Context())
			}()
		}()
	}
	for range calls {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := len(b.Calls()); n != calls {
		t.Errorf("%d calls came in, want %d", n, calls)
	}
}

// TestCloseUnderTraffic closes phones while requests arrive. Nothing may be left of them, sipgo's sockets included: TestMain looks.
func TestCloseUnderTraffic(t *testing.T) {
	for range 30 {
		p := phone(t, &siptest.PhoneOptions{NoMedia: true, Network: "udp"})
		conn, err := net.Dial("udp", p.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		flooded, stop := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stop)
			for i := range 300 {
				text := strings.NewReplacer("192.0.2.2:5060", conn.LocalAddr().String(), "\n", "\r\n").Replace(outside("OPTIONS", i+1, "", "\n"))
				_, _ = conn.Write([]byte(text))
				if i == 100 {
					close(flooded)
				}
			}
		}()
		<-flooded
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		<-stop
		_ = conn.Close()
	}
}
