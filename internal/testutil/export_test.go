package testutil

// The seams that the external tests need.
var (
	ParseWAV     = parseWAV
	LeftBehind   = leftBehind
	Goroutines   = goroutines
	GoroutineIDs = goroutineIDs
)
