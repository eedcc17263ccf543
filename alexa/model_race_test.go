//go:build race

package alexa

// raceEnabled says that the race detector slows everything down, so that models are kept smaller. RaceEnabled says it as a number.
const (
	raceEnabled = true
	RaceEnabled = 1
)
