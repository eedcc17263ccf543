//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// dict is a dictionary of bencode. Its values are strings, ints, lists and dictionaries.
type dict map[string]any

// text returns a value that is a string, or nothing.
func (d dict) text(key string) string {
	s, _ := d[key].(string)
	return s
}

var errBencode = errors.New("relay: not bencode")

// maxDepth is how deep lists and dictionaries may lie in one another; rtpengine's are three deep.
const maxDepth = 8

// appendBencode appends a value. The keys of a dictionary are sorted, as the format wants them.
func appendBencode(b []byte, v any) []byte {
	switch v := v.(type) {
	case int:
		return fmt.Appendf(b, "i%de", v)
	case string:
		return append(strconv.AppendInt(b, int64(len(v)), 10), ":"+v...)
	case []any:
		b = append(b, 'l')
		for _, e := range v {
			b = appendBencode(b, e)
		}
		return append(b, 'e')
	case dict:
		b = append(b, 'd')
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b = appendBencode(appendBencode(b, key), v[key])
		}
		return append(b, 'e')
	default:
		return appendBencode(b, fmt.Sprint(v))
	}
}

// parseBencode reads one value with nothing behind it.
func parseBencode(b []byte) (any, error) {
	v, rest, err := readBencode(b, maxDepth)
	if err == nil && len(rest) > 0 {
		err = errBencode
	}
	return v, err
}

func readBencode(b []byte, depth int) (v any, rest []byte, err error) {
	if len(b) == 0 || depth == 0 {
		return nil, nil, errBencode
	}
	switch b[0] {
	case 'i':
		digits, rest, found := bytes.Cut(b[1:], []byte{'e'})
		n, err := strconv.Atoi(string(digits))
		if err != nil || !found {
			return nil, nil, errBencode
		}
		return n, rest, nil
	case 'l':
		all, rest, err := readList(b[1:], depth)
		return all, rest, err
	case 'd':
		all, rest, err := readList(b[1:], depth)
		if err != nil || len(all)%2 != 0 {
			return nil, nil, errBencode
		}
		d := dict{}
		for pair := range slices.Chunk(all, 2) {
			key, ok := pair[0].(string)
			if !ok {
				return nil, nil, errBencode
			}
			d[key] = pair[1]
		}
		return d, rest, nil
	default:
		digits, rest, _ := bytes.Cut(b, []byte{':'})
		n, err := strconv.ParseUint(string(digits), 10, 31)
		if err != nil || n > uint64(len(rest)) {
			return nil, nil, errBencode
		}
		return string(rest[:n]), rest[n:], nil
	}
}

// readList reads values up to the end of their list.
func readList(b []byte, depth int) ([]any, []byte, error) {
	all := []any{}
	for len(b) > 0 && b[0] != 'e' {
		v, rest, err := readBencode(b, depth-1)
		if err != nil {
			return nil, nil, err
		}
		all, b = append(all, v), rest
	}
	if len(b) == 0 {
		return nil, nil, errBencode
	}
	return all, b[1:], nil
}
