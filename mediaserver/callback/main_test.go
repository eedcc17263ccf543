package callback_test

import (
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Leaks(m) }
