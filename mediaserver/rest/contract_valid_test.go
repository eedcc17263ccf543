package rest_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alexacall/alexacall/mediaserver/wire"
)

// valid reports whether a value is as a schema, by the rules of JSON Schema alone, as any program that is made from the contract goes by
// them: an object may have more members than are named, and of oneOf exactly one has to hold.
func (d *contract) valid(s schema, v any) bool {
	count := func(list []schema) (n int) {
		for _, one := range list {
			if d.valid(one, v) {
				n++
			}
		}
		return n
	}
	for word, arg := range s {
		ok := true
		switch word {
		case "$ref":
			ok = d.valid(d.resolve(s), v)
		case "oneOf":
			ok = count(d.list(s, word)) == 1
		case "anyOf":
			ok = count(d.list(s, word)) > 0
		case "allOf":
			ok = count(d.list(s, word)) == len(arg.([]any))
		case "not":
			ok = !d.valid(arg.(schema), v)
		case "const":
			ok = arg == v
		case "enum":
			ok = slices.Contains(arg.([]any), v)
		case "type":
			ok = isType(arg.(string), v)
		case "description", "examples", "format", "title", ignored:
		default:
			ok = d.validPart(s, word, arg, v)
		}
		if !ok {
			return false
		}
	}
	return true
}

// validPart is valid for one of the words that are about values of one type alone.
func (d *contract) validPart(s schema, word string, arg, v any) bool {
	members, _ := v.(map[string]any)
	items, _ := v.([]any)
	text, isText := v.(string)
	number, isNumber := v.(float64)
	size, _ := arg.(float64)
	switch word {
	case "properties":
		for name, p := range arg.(schema) {
			if value, ok := members[name]; ok && !d.valid(p.(schema), value) {
				return false
			}
		}
		return true
	case "additionalProperties":
		named, _ := s["properties"].(schema)
		for name, value := range members {
			if _, ok := named[name]; !ok && !d.valid(arg.(schema), value) {
				return false
			}
		}
		return true
	case "required":
		return members == nil || !slices.ContainsFunc(arg.([]any), func(name any) bool { return members[name.(string)] == nil })
	case "maxProperties":
		return len(members) <= int(size)
	case "items":
		return !slices.ContainsFunc(items, func(item any) bool { return !d.valid(arg.(schema), item) })
	case "maxItems":
		return len(items) <= int(size)
	case "pattern":
		return !isText || regexp.MustCompile(arg.(string)).MatchString(text)
	case "maxLength":
		return utf8.RuneCountInString(text) <= int(size)
	case "minimum":
		return !isNumber || number >= size
	case "maximum":
		return !isNumber || number <= size
	}
	panic("a word that is not known here: " + word)
}

func isType(name string, v any) (ok bool) {
	switch name {
	case "object":
		_, ok = v.(map[string]any)
	case "array":
		_, ok = v.([]any)
	case "string":
		_, ok = v.(string)
	case "boolean":
		_, ok = v.(bool)
	case "number":
		_, ok = v.(float64)
	case "integer":
		f, isNumber := v.(float64)
		ok = isNumber && f == float64(int64(f))
	}
	return ok
}

// TestContractIsValid holds all that is written and read against the contract as other programs read it, and what the documents show.
func TestContractIsValid(t *testing.T) {
	d := readContract(t)
	docs := d.documents(t)
	check := func(name string, text []byte) {
		t.Helper()
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		if !d.valid(docs[name].schema, v) {
			t.Errorf("%s: not valid: %s", name, text)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		doc := docs[name]
		for _, v := range doc.values {
			text, err := doc.write(v)
			if err != nil {
				t.Fatal(err)
			}
			check(name, text)
		}
		for _, sample := range d.samples(doc.schema) {
			text, err := json.Marshal(sample)
			if err != nil {
				t.Fatal(err)
			}
			check(name, text)
		}
	}
	for name, texts := range map[string]string{
		string(wire.NewCall) + "'s answer": `{"action":"drop"} {"action":"ivr"} {"action":"call","destAddr":"sip:b@x","callRecording":true,"filename":"a"}`,
		string(wire.CallEvent) + "'s answer": `{} {"action":"drop"} {"action":"ivr"} {"action":"call","destAddr":"sip:b@x"}
			{"action":"connect","participantId":"a","replyId":"r"} {"action":"joinconferenceconnection","connectionId":"c"}`,
		string(wire.GetIVRCommand) + "'s answer": `{} {"dtmf":{},"phrases":[],"backgroundPrompt":{},"hangup":false,"getIVRCommandAfter":20}
			{"dtmf":{"maxDigits":1},"phrases":[{"format":"awstts","awsTTSParameters":{"Text":"Welcome."}}]}
			{"backgroundPrompt":{"format":"file","fileName":"holdmusic.mp3","repeatPause":0.5},"hangup":false}
			{"action":"call","destAddr":"sip:ARC@x"} {"phrases":[{"format":"googletts","googleTTSParameters":{"input":{"text":"Welcome."}}}]}`,
		"post createconferenceconnection": `{} {"replyId":"r"}`,
	} {
		for dec := json.NewDecoder(strings.NewReader(texts)); dec.More(); {
			var text json.RawMessage
			if err := dec.Decode(&text); err != nil {
				t.Fatal(err)
			}
			check(name, text)
		}
	}
	for name, text := range map[string]any{
		"newCall's answer": map[string]any{"action": "connect"}, "callEvent's answer": map[string]any{"action": "call"}, "callEvent": map[string]any{},
		"getIvrCommand's answer": map[string]any{"hangup": "true"}, "post placeivrcall": map[string]any{"callerId": "a"},
	} {
		if d.valid(docs[name].schema, text) {
			t.Errorf("%s: %v is valid", name, text)
		}
	}
}
