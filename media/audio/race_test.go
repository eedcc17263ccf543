//go:build race

package audio_test

const raced = true
