package testutil_test

import (
	"slices"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

func TestCheckFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		table   [][2]string
		folders []string
		want    []string
		fatal   bool
	}{
		{"all there", [][2]string{{"a fault", "TestCheckFaults TestImpairDrop"}, {"another", "TestCheckFaults"}}, nil, nil, false},
		{"elsewhere", [][2]string{{"a fault", "TestCheckJudgesInitialStates"}}, []string{"model"}, nil, false},
		{"one is not", [][2]string{{"a fault", "TestCheckFaults TestNothing"}}, nil, []string{"a fault: no TestNothing"}, false},
		{"a part of a name", [][2]string{{"a fault", "TestCheck"}}, nil, []string{"a fault: no TestCheck"}, false},
		{"none", [][2]string{{"a fault", " "}}, nil, []string{"a fault: no test"}, false},
		{"no such folder", nil, []string{"nowhere"}, nil, true},
	} {
		tb := new(fakeTB)
		tb.run(func(tb testing.TB) { testutil.CheckFaults(tb, c.table, c.folders...) })
		if !slices.Equal(tb.errors, c.want) || (tb.failed != "") != c.fatal {
			t.Errorf("%s: %q, %q; want %q", c.name, tb.errors, tb.failed, c.want)
		}
	}
}
