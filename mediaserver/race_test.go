//go:build race

package mediaserver_test

const raced = true
