package alexa

import (
	"encoding/json"
	"errors"
)

var errSplit = errors.New("not an object")

// split cuts an object of valid JSON into its properties, the values as they stand, without looking at the inside of values again: an event
// is checked once as a whole, and its parts lie up to five deep. Of a property that is there twice the last one counts, as everywhere in
// encoding/json. What is not valid JSON gives an error or some properties, and is never read beyond its end.
func split(data []byte) (object, error) {
	i := space(data, 0)
	if i >= len(data) || data[i] != '{' {
		return nil, errSplit
	}
	o := object{}
	if i = space(data, i+1); i < len(data) && data[i] == '}' {
		return o, nil
	}
	for {
		end := skip(data, i)
		if i >= len(data) || data[i] != '"' || end > len(data) {
			return nil, errSplit
		}
		key, err := unquote(data[i:end])
		if i = space(data, end); err != nil || i >= len(data) || data[i] != ':' {
			return nil, errSplit
		}
		i = space(data, i+1)
		if end = skip(data, i); end > len(data) || end == i {
			return nil, errSplit
		}
		o[key] = json.RawMessage(data[i:end:end])
		if i = space(data, end); i >= len(data) {
			return nil, errSplit
		}
		if data[i] == '}' {
			return o, nil
		}
		if data[i] != ',' {
			return nil, errSplit
		}
		i = space(data, i+1)
	}
}

// space returns where the next byte is that is no white space.
func space(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\r' || data[i] == '\t') {
		i++
	}
	return i
}

// skip returns where the value that begins at i ends; beyond the end of data if it does not.
func skip(data []byte, i int) int {
	for depth := 0; i < len(data); {
		switch data[i] {
		case '"':
			i = skipString(data, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i // of what is around
			}
			depth--
			i++
		case ',', ':', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return i
			}
			i++
			continue
		default: // a number, true, false, null
			i++
			if depth > 0 || i < len(data) && isWord(data[i]) {
				continue
			}
		}
		if depth == 0 {
			return i
		}
	}
	return len(data) + 1
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == 'E' || c == '+' || c == '-' || c == '.'
}

// skipString returns what is behind the string that begins at i.
func skipString(data []byte, i int) int {
	for i++; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data) + 1
}

// textOf returns the text of a value, or false if it is no string.
func textOf(raw []byte) (string, bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	s, err := unquote(raw)
	return s, err == nil
}

// unquote returns the text of a string, which for most is what stands there.
func unquote(quoted []byte) (string, error) {
	for _, c := range quoted {
		if c == '\\' || c >= 0x80 {
			var s string
			err := json.Unmarshal(quoted, &s)
			return s, err
		}
	}
	return string(quoted[1 : len(quoted)-1]), nil
}
