//go:build !linux

package testutil

import "testing"

// OwnNetwork skips the test: there are no network namespaces here.
func OwnNetwork(t *testing.T, _ string) bool {
	t.Helper()
	t.Skip("no network namespaces")
	return false
}
