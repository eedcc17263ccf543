//go:build race

package sip_test

// leftoverCalls are fewer with the race detector, which makes each cost ten times as much.
const leftoverCalls = 500
