package rest_test

import (
	"errors"
	"reflect"
	"regexp"
	"time"

	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// full returns a value whose fields are all set.
func full[T any]() *T {
	v := new(T)
	fill(reflect.ValueOf(v).Elem())
	return v
}

func fill(v reflect.Value) {
	switch p := v.Addr().Interface().(type) {
	case *mediaserver.Destination:
		fillFields(v)
		p.Headers = map[string]string{"X-A": "1", "P-A": "1"}
		return
	case *[]mediaserver.Phrase:
		for _, format := range []mediaserver.PhraseFormat{mediaserver.PhraseFile, mediaserver.PhraseURL, mediaserver.PhrasePolly, mediaserver.PhraseGoogle, "own"} {
			phrase := *full[mediaserver.Phrase]()
			phrase.Format = format
			*p = append(*p, phrase)
			phrase.Speech.SSML = false
			*p = append(*p, phrase)
		}
		return
	case *[]mediaserver.PhraseError:
		*p = []mediaserver.PhraseError{{Index: 1, Err: errors.New("1")}, {Index: -1, Err: errors.New("1")}}
		return
	case *time.Duration:
		*p = time.Second
		return
	case **regexp.Regexp:
		*p = regexp.MustCompile("1")
		return
	case *error:
		*p = &wire.SIPError{Status: 486}
		return
	case **mediaserver.Action: // of a command
		*p = action(mediaserver.Call)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		fillFields(v)
	case reflect.String:
		v.SetString("1")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(1)
	case reflect.Uint8:
		v.SetUint(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"1": "1"}))
	default:
		panic("cannot fill " + v.Type().String())
	}
}

func fillFields(v reflect.Value) {
	for _, field := range v.Fields() {
		fill(field)
	}
}

func action(kind mediaserver.ActionKind) *mediaserver.Action {
	a := &mediaserver.Action{Kind: kind, Reject: 1, Record: true, Filename: "1", Monitor: "1", DelayAnswer: true, ParticipantID: "1", ReplyID: "1", ConnectionID: "1"}
	fill(reflect.ValueOf(&a.Destination).Elem())
	return a
}

// commands return a command that leaves, one that calls and one that does neither.
func commands() []*mediaserver.Command {
	all := []*mediaserver.Command{full[mediaserver.Command](), full[mediaserver.Command](), full[mediaserver.Command]()}
	all[0].Call, all[1].Hangup, all[2].Call, all[2].Hangup = nil, false, nil, false
	return all
}

func fallback() *wire.Fallback {
	return &wire.Fallback{Mode: wire.OnError, For: 24 * time.Hour, Command: commands()[1]}
}
