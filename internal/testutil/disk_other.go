//go:build !linux

package testutil

import "testing"

// OwnDisk skips the test: there are no mount namespaces here.
func OwnDisk(t *testing.T, _ int64) string {
	t.Helper()
	t.Skip("no mount namespaces")
	return ""
}
