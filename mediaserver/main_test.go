package mediaserver

import (
	"fmt"
	"os"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(recordForeverIn); dir != "" {
		fmt.Fprintln(os.Stderr, recordForever(dir))
		os.Exit(1)
	}
	testutil.Leaks(m)
}
