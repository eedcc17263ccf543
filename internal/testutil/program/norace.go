//go:build !race

package program

// raceDetector reports whether the tests run with the race detector.
const raceDetector = false
