package testutil

// The seams that the external tests need.
var (
	ParseWAV     = parseWAV
	ToneWAV      = toneWAV
	LeftBehind   = leftBehind
	Goroutines   = goroutines
	GoroutineIDs = goroutineIDs
)
