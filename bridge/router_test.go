package bridge_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/bridge"
)

// errHit is what a test's dialer ends with, so that it is known to have been asked.
var errHit = errors.New("hit")

func matches(r *bridge.Router, from, to string) bool {
	_, err := r.Dial(context.Background(), to, &bridge.DialOptions{From: bridge.Party{URI: from}})
	return errors.Is(err, errHit)
}

func hitting() []bridge.Dialer {
	return []bridge.Dialer{dialerFunc(func(context.Context) (bridge.Leg, error) { return nil, errHit })}
}

func TestRoutePatterns(t *testing.T) {
	for _, test := range []struct {
		pattern, uri string
		want         bool
	}{
		{"", "", true},
		{"", "sip:100@pbx.example.com", true},
		{"*", "", true},
		{"*", "sip:100@pbx.example.com", true},
		{"sip:100@pbx.example.com", "sip:100@pbx.example.com", true},
		{"sip:100@pbx.example.com", "sip:1000@pbx.example.com", false},
		{"sip:100@pbx.example.com", "sip:100@pbx.example.com:5060", false},
		{"sip:*@pbx.example.com", "sip:100@pbx.example.com", true},
		{"sip:*@pbx.example.com", "sips:100@pbx.example.com", false},
		{"sip:*@*", "sip:100@pbx.example.com", true},
		{"sip:1??@*", "sip:100@pbx.example.com", false}, // only the asterisk is special
		{"*@pbx.example.com", "sip:100@PBX.Example.COM", true},
		{"SIP:*", "sip:100@pbx.example.com", true},
		{"sip:1*0@*", "sip:10@x", true},
		{"sip:1*0@*", "sip:1@x", false}, // an asterisk does not let two parts share a letter
		{"aa*aa", "aaa", false},
		{"aa*aa", "aaaa", true},
		{"a*b*c", "abbc", true},
		{"a*b*c", "acb", false},
		{"a**c", "ac", true},
		{"a*b*b", "abb", true},
		{"a*b*b", "ab", false},
		{"tel:+49*", "tel:+4930123456", true},
		{"tel:+49*", "tel:+4330123456", false},
	} {
		t.Run(test.pattern+" "+test.uri, func(t *testing.T) {
			to := &bridge.Router{Routes: []bridge.Route{{To: test.pattern, Via: hitting()}}}
			want(t, "as the called party", matches(to, "anyone", test.uri), test.want)
			from := &bridge.Router{Routes: []bridge.Route{{From: test.pattern, Via: hitting()}}}
			want(t, "as the caller", matches(from, test.uri, "anyone"), test.want)
		})
	}
}

func FuzzRoutePattern(f *testing.F) {
	for _, seed := range [...][2]string{{"sip:*@*", "sip:100@PBX"}, {"aa*aa", "aaa"}, {"a**b*", "ab\n"}, {"a*b*b", "ab"}, {"*\xff", "\xfe"}, {"", ""}, {"İ*", "i̇x"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, uri string) {
		if len(pattern) > 256 || len(uri) > 1024 {
			return
		}
		parts := strings.Split(strings.ToLower(pattern), "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		expect := pattern == "" || regexp.MustCompile(`(?s)^`+strings.Join(parts, `.*`)+`$`).MatchString(strings.ToLower(uri))
		r := &bridge.Router{Routes: []bridge.Route{{To: pattern, Via: hitting()}}}
		if got := matches(r, "", uri); got != expect {
			t.Errorf("pattern %q, URI %q: got %v, want %v", pattern, uri, got, expect)
		}
	})
}

func TestRouterHandle(t *testing.T) {
	var took string
	taking := func(name string) bridge.Bridge {
		return bridge.Func(func(context.Context, bridge.Leg) error {
			took = name
			return errHit
		})
	}
	in, _ := bridge.Pipe(both()) // from pipe:far to pipe:near
	for _, test := range []struct {
		why    string
		routes []bridge.Route
		took   string
	}{
		{"the first that matches", []bridge.Route{{To: "sip:*", Bridge: taking("a")}, {To: "pipe:*", Bridge: taking("b")}, {Bridge: taking("c")}}, "b"},
		{"both parties count", []bridge.Route{{From: "pipe:near", To: "pipe:near", Bridge: taking("a")}, {From: "pipe:far", Bridge: taking("b")}}, "b"},
		{"a route without a bridge takes no calls in", []bridge.Route{{Via: hitting()}, {Bridge: taking("b")}}, "b"},
	} {
		t.Run(test.why, func(t *testing.T) {
			took = ""
			if err := (&bridge.Router{Routes: test.routes}).Handle(t.Context(), in); !errors.Is(err, errHit) {
				t.Errorf("got %v, want the bridge's error", err)
			}
			want(t, "took", took, test.took)
		})
	}
	for why, routes := range map[string][]bridge.Route{"no route": nil, "none for this call": {{To: "sip:*", Bridge: taking("a")}}, "none for calls in": {{Via: hitting()}}} {
		t.Run(why, func(t *testing.T) {
			want(t, "cause", bridge.CauseOf((&bridge.Router{Routes: routes}).Handle(t.Context(), in)), bridge.NotFound)
		})
	}
}

func TestRouterDialsInTurn(t *testing.T) {
	leg, _ := bridge.Pipe(nil)
	plain := errors.New("no network")
	for _, test := range []struct {
		why   string
		ends  []error // of the dialers, in turn; nil: a leg
		asked int
		want  error
	}{
		{"the first that works", []error{nil, nil}, 1, nil},
		{"the next after one that cannot reach", []error{ending(bridge.Unreachable), nil}, 2, nil},
		{"the next after one that has too much to do", []error{ending(bridge.Overload), nil}, 2, nil},
		{"what busy means is meant for the caller", []error{ending(bridge.Busy), nil}, 1, ending(bridge.Busy)},
		{"nor another try after no answer", []error{ending(bridge.NoAnswer), nil}, 1, ending(bridge.NoAnswer)},
		{"nor after not found", []error{ending(bridge.NotFound), nil}, 1, ending(bridge.NotFound)},
		{"nor after a fault", []error{plain, nil}, 1, plain},
		{"the last end counts", []error{ending(bridge.Overload), ending(bridge.Unreachable)}, 2, ending(bridge.Unreachable)},
	} {
		t.Run(test.why, func(t *testing.T) {
			asked := 0
			var via []bridge.Dialer
			for i, end := range test.ends {
				via = append(via, dialerFunc(func(context.Context) (bridge.Leg, error) {
					want(t, "the turn", asked, i)
					asked++
					if end != nil {
						return nil, end
					}
					return leg, nil
				}))
			}
			r := &bridge.Router{Routes: []bridge.Route{{To: "other", Via: hitting()}, {Bridge: bridge.Func(nil)}, {To: "desk", Via: via}}}
			got, err := r.Dial(t.Context(), "desk", nil)
			want(t, "dialers asked", asked, test.asked)
			if test.want == nil {
				want(t, "the leg", got, leg)
				want(t, "the error", err, nil)
			} else if got != nil || bridge.CauseOf(err) != bridge.CauseOf(test.want) {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func ending(c bridge.Cause) error { return &bridge.EndError{Cause: c} }

func TestRouterStopsWhenTheAttemptIsWithdrawn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	first := dialerFunc(func(context.Context) (bridge.Leg, error) {
		cancel()
		return nil, ending(bridge.Unreachable)
	})
	r := &bridge.Router{Routes: []bridge.Route{{Via: append([]bridge.Dialer{first}, hitting()...)}}}
	_, err := r.Dial(ctx, "desk", nil)
	want(t, "the second dialer is not asked", errors.Is(err, errHit), false)
	want(t, "cause", bridge.CauseOf(err), bridge.Unreachable)
}

func TestRouterDialWithoutARoute(t *testing.T) {
	_, err := (&bridge.Router{Routes: []bridge.Route{{To: "sip:*", Via: hitting()}, {Bridge: bridge.Func(nil)}}}).Dial(t.Context(), "tel:+49301", nil)
	want(t, "cause", bridge.CauseOf(err), bridge.NotFound)
}
