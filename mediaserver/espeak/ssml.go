package espeak

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxDepth is how many elements of SSML may be within each other.
const maxDepth = 16

// An element of SSML that is passed on, and its attributes that are.
type element struct {
	name       string
	attributes []string
}

// elementTable is all of SSML 1.1 that changes how words sound and names no file. The audio element of eSpeak NG opens files of this host, and
// gives their names to a shell.
var elementTable = [...]element{
	{"speak", nil},
	{"p", nil},
	{"s", nil},
	{"break", []string{"time", "strength"}},
	{"emphasis", []string{"level"}},
	{"prosody", []string{"rate", "pitch", "range", "volume"}},
	{"say-as", []string{"interpret-as", "format", "detail"}},
	{"sub", []string{"alias"}},
}

func known(name string) (e element, ok bool) {
	i := slices.IndexFunc(elementTable[:], func(e element) bool { return e.name == name })
	if i < 0 {
		return e, false
	}
	return elementTable[i], true
}

// harmless returns SSML with nothing in it but what elementTable has, and the words.
func harmless(text string) (string, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	var out strings.Builder
	for depth := 0; ; {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out.String(), nil
		}
		if err != nil {
			return "", fmt.Errorf("%w: it is malformed", ErrText) // the decoder's error quotes it
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return "", fmt.Errorf("%w: more than %d elements within each other", ErrText, maxDepth)
			}
			open(&out, t)
		case xml.EndElement:
			depth--
			if e, ok := known(t.Name.Local); ok {
				out.WriteString("</" + e.name + ">")
			}
		case xml.CharData:
			escape(&out, string(t))
		}
	}
}

// open writes the beginning of an element, if it is known.
func open(out *strings.Builder, t xml.StartElement) {
	e, ok := known(t.Name.Local)
	if !ok {
		return
	}
	out.WriteString("<" + e.name)
	for _, a := range t.Attr {
		if a.Name.Space == "" && slices.Contains(e.attributes, a.Name.Local) {
			out.WriteString(" " + a.Name.Local + `="`)
			escape(out, a.Value)
			out.WriteString(`"`)
		}
	}
	out.WriteString(">")
}

func escape(out *strings.Builder, text string) {
	_, _ = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").WriteString(out, printable(text)) // a Builder takes everything
}
