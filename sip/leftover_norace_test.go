//go:build !race

package sip_test

// leftoverCalls is how many calls of each kind TestLeftover makes.
const leftoverCalls = 2000
