//go:build !cgo || !libopus

package codec

// HasLibopus says which build this is.
const HasLibopus = false
