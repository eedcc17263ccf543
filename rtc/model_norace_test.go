//go:build !race

package rtc

// raceEnabled says that the race detector runs. RaceEnabled is 1 then, for the tests outside.
const (
	raceEnabled = false
	RaceEnabled = 0
)
