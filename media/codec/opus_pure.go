//go:build !cgo || !libopus

package codec

func opusKind() kind { return kind{fits: isOpus, decoder: newPureDecoder} }
