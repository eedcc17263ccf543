//go:build unix

package lambda_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also the program of the function, in a process of its own: Start does not return.
func TestMain(m *testing.M) {
	if what := os.Getenv(childEnv); what != "" {
		function(what)
		os.Exit(2)
	}
	goleak.VerifyTestMain(m)
}
