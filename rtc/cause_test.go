package rtc

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/alexacall/alexacall/bridge"
)

func TestCauses(t *testing.T) {
	// There and back: what says less on the way is named.
	back := map[bridge.Cause]bridge.Cause{
		bridge.Normal: bridge.Unreachable, bridge.NoAnswer: bridge.Unreachable, bridge.Cancelled: bridge.Unreachable,
		bridge.Declined: bridge.Busy, bridge.Elsewhere: bridge.Busy,
	}
	for c := bridge.Normal; c <= bridge.Internal; c++ {
		want := c
		if other, ok := back[c]; ok {
			want = other
		}
		if got := causeOf(typeOf(c)); got != want {
			t.Errorf("%v is %v, which is %v, want %v", c, typeOf(c), got, want)
		}
	}
	if got := typeOf(bridge.Internal + 1); got != InternalError {
		t.Errorf("an unknown cause is %v", got)
	}
	for _, typ := range errorTypeTable { // nothing that we can say to Alexa is told to the program as something that went well
		switch c := causeOf(typ); c {
		case bridge.Normal, bridge.NoAnswer, bridge.Cancelled, bridge.Elsewhere:
			t.Errorf("%v is %v", typ, c)
		default:
		}
	}
}

func TestFaultIn(t *testing.T) {
	for _, c := range []struct {
		err  error
		want ErrorType
	}{
		{errors.New("not found"), InvalidValue},
		{fmt.Errorf("store: %w", &Fault{Type: EndpointBusy}), EndpointBusy},
		{fmt.Errorf("store: %w", context.DeadlineExceeded), InternalError},
	} {
		if got := faultIn(c.err, InvalidValue, "").Type; got != c.want {
			t.Errorf("%v is %v, want %v", c.err, got, c.want)
		}
	}
}
