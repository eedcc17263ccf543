package rest_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/rest"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

func TestContractHasThePaths(t *testing.T) {
	d := readContract(t)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("version %q", d.OpenAPI)
	}
	var paths []string
	for path, methods := range d.Paths {
		for method := range methods {
			if method != "parameters" {
				paths = append(paths, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(paths)
	if got := rest.Paths(); !slices.Equal(paths, got) {
		t.Errorf("the contract has\n%s\nthe code\n%s", strings.Join(paths, "\n"), strings.Join(got, "\n"))
	}
	callbacks := []string{
		string(wire.CallAnswered), string(wire.CallEvent), string(wire.CallNotify), string(wire.GetIVRCommand), string(wire.NewCall),
		string(wire.RecordingReady), string(wire.SessionCompleted),
	}
	if got := slices.Sorted(maps.Keys(d.Webhooks)); !slices.Equal(got, callbacks) {
		t.Errorf("the contract has %q", got)
	}
}

func TestContractIsServed(t *testing.T) {
	s := newStage(t)
	for path, contentType := range map[string]string{
		"/mediaservice/openapi.json": "application/json", "/mediaservice/openapi.yaml": "application/yaml", "/openapi.json": "application/json",
	} {
		resp := s.doWith(http.MethodGet, path, "")
		if got := resp.head.Get("Content-Type"); got != contentType {
			t.Errorf("%s is %q", path, got)
		}
		expect(t, path, resp, 200, string(rest.OpenAPI()))
	}
}

// A document is one kind of body.
type document struct {
	schema schema
	read   func([]byte) (any, []string, error)
	write  func(any) ([]byte, error)
	values []any // that have everything
}

func documentOf[T any](s schema, read func([]byte) (*T, []string, error), write func([]byte, *T) ([]byte, error), values ...*T) document {
	d := document{
		schema: s,
		read:   func(b []byte) (any, []string, error) { return read(b) },
		write:  func(v any) ([]byte, error) { return write(nil, v.(*T)) },
	}
	for _, v := range values {
		d.values = append(d.values, v)
	}
	return d
}

// documents returns all bodies, by the place that they have in the contract.
func (d *contract) documents(t *testing.T) map[string]document {
	all := map[string]document{}
	asked := func(name wire.Callback) schema {
		return d.Webhooks[string(name)].Post.RequestBody.Content["application/json"].Schema
	}
	answered := func(name wire.Callback) schema {
		return d.Webhooks[string(name)].Post.Responses["200"].Content["application/json"].Schema
	}
	all["newCall"] = documentOf(asked(wire.NewCall), wire.ParseNewCall, wire.AppendNewCall, full[mediaserver.NewCall]())
	all["newCall's answer"] = documentOf(answered(wire.NewCall), wire.ParseNewCallAction, wire.AppendAction,
		action(mediaserver.Drop), action(mediaserver.Call), action(mediaserver.IVR))
	all["getIvrCommand"] = documentOf(asked(wire.GetIVRCommand), wire.ParseIVRRequest, wire.AppendIVRRequest, full[mediaserver.IVRRequest]())
	all["getIvrCommand's answer"] = documentOf(answered(wire.GetIVRCommand), wire.ParseCommand, wire.AppendCommand, commands()...)
	all["callEvent's answer"] = documentOf(answered(wire.CallEvent), wire.ParseCallEventAction, wire.AppendAction,
		action(mediaserver.Drop), action(mediaserver.Call), action(mediaserver.IVR), action(mediaserver.Connect), action(mediaserver.JoinConference))
	var events []*mediaserver.CallEvent
	for kind := mediaserver.CallingPartyDrop; kind <= mediaserver.CalleeConnectionSplit; kind++ {
		e := full[mediaserver.CallEvent]()
		e.Event = kind
		events = append(events, e)
	}
	all["callEvent"] = documentOf(asked(wire.CallEvent), wire.ParseCallEvent, wire.AppendCallEvent, events...)
	notices := map[wire.Callback][]*mediaserver.Notice{}
	for kind := mediaserver.Ringing; kind <= mediaserver.RecordingReady; kind++ {
		n, name := full[mediaserver.Notice](), wire.CallbackOf(kind)
		if n.Kind = kind; kind == mediaserver.SessionCompleted {
			n.ConnectionID = "" // it is of none
		}
		notices[name] = append(notices[name], n)
	}
	for name, values := range notices {
		read := func(b []byte) (*mediaserver.Notice, []string, error) { return wire.ParseNotice(name, b) }
		all[string(name)] = documentOf(asked(name), read, wire.AppendNotice, values...)
	}
	d.operations(t, all)
	return all
}

func (d *contract) operations(t *testing.T, all map[string]document) {
	t.Helper()
	for path, methods := range d.Paths {
		for method, v := range methods {
			var op operation
			text, err := json.Marshal(v)
			if err != nil || method == "parameters" || method == "options" || json.Unmarshal(text, &op) != nil {
				continue
			}
			name := method + " " + path[strings.LastIndexByte(path, '/')+1:]
			if s := op.RequestBody.Content["application/json"].Schema; s != nil && strings.Contains(path, "ivrfallback") {
				all[name] = documentOf(s, wire.ParseFallback, wire.AppendFallback, fallback())
			} else if s != nil {
				o := wire.Operation(path[strings.LastIndexByte(path, '/')+1:])
				read := func(b []byte) (*wire.Request, []string, error) { return wire.ParseRequest(o, b) }
				write := func(b []byte, q *wire.Request) ([]byte, error) { return wire.AppendRequest(b, o, q) }
				all[name] = documentOf(s, read, write, full[wire.Request]())
			}
			if s := op.Responses["200"].Content["application/json"].Schema; s != nil && !strings.Contains(path, "openapi") {
				all[name+"'s answer"] = documentOf(s, wire.ParseAnswer, wire.AppendAnswer)
			}
		}
	}
	failure := schema{"$ref": schemaRef + "Failure"}
	all["failure"] = documentOf(failure, wire.ParseAnswer, wire.AppendAnswer, &wire.Answer{Reason: "a"})
	all["placed"] = documentOf(schema{"$ref": schemaRef + "Placed"}, wire.ParseAnswer, wire.AppendAnswer, &wire.Answer{Success: true, SessionID: "a", ParticipantID: "a", ReplyID: "a"})
	stored := fallback()
	stored.TTL = time.Minute
	all["found"] = documentOf(schema{"$ref": schemaRef + "FallbackFound"}, wire.ParseAnswer, wire.AppendAnswer, &wire.Answer{Success: true, Fallback: stored})
}

// TestContractHasWhatIsWritten fails for a member that the code writes and the contract has not.
func TestContractHasWhatIsWritten(t *testing.T) {
	d := readContract(t)
	for name, doc := range d.documents(t) {
		for _, v := range doc.values {
			text, err := doc.write(v)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if err := d.check(name, doc.schema, decoded(t, text)); err != nil {
				t.Errorf("%v\nin %s", err, text)
			}
		}
	}
}

func decoded(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestCodeHasWhatTheContractHas fails for a member or a word of the contract that the code does not take, or makes nothing of.
func TestCodeHasWhatTheContractHas(t *testing.T) {
	d := readContract(t)
	docs := d.documents(t)
	if len(docs) < 25 {
		t.Fatalf("only %d documents", len(docs))
	}
	for name, doc := range docs {
		samples := d.samples(doc.schema)
		if len(samples) == 0 {
			t.Errorf("%s has no form", name)
		}
		for _, sample := range samples {
			if err := d.check(name, doc.schema, sample); err != nil {
				t.Errorf("the sample is wrong: %v", err)
			}
			text, err := json.Marshal(sample)
			if err != nil {
				t.Fatal(err)
			}
			v, unknown, err := doc.read(text)
			if err != nil || len(unknown) > 0 {
				t.Errorf("%s: %v, unknown %q\nin %s", name, err, unknown, text)
				continue
			}
			again, err := doc.write(v)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			kept := decoded(t, again)
			if err := errors.Join(d.check(name, doc.schema, kept), d.missing(name, doc.schema, flat(name, sample.(map[string]any)), kept)); err != nil {
				t.Errorf("%v\nof %s\nis  %s", err, text, again)
			}
		}
	}
}

// flat returns a command with the action as it is written: a word beside its members.
func flat(name string, sample map[string]any) map[string]any {
	object, ok := sample["action"].(map[string]any)
	if !ok || name != "getIvrCommand's answer" {
		return sample
	}
	sample = maps.Clone(sample)
	delete(sample, "action")
	if object["type"] == "hangup" {
		sample["hangup"] = true
		return sample
	}
	for member, v := range object {
		if member == "type" {
			member = "action"
		}
		sample[member] = v
	}
	return sample
}

// silentTable has the words that say what holds anyway.
var silentTable = []any{"none", "normal", "text"}

// missing says which members have come to nothing.
func (d *contract) missing(path string, s schema, sample, kept any) error {
	switch sample := sample.(type) {
	case map[string]any:
		kept, _ := kept.(map[string]any)
		properties := map[string]schema{}
		for _, form := range d.shapes(s) {
			maps.Copy(properties, form.properties)
		}
		for name, v := range sample {
			if properties[name][ignored] == true || slices.Contains(silentTable, v) {
				continue
			}
			if _, ok := kept[name]; !ok {
				return errors.New(path + "." + name + ": comes to nothing")
			}
			if err := d.missing(path+"."+name, properties[name], v, kept[name]); err != nil {
				return err
			}
		}
	case []any:
		kept, _ := kept.([]any)
		for i, v := range sample {
			if i >= len(kept) {
				return errors.New(path + ": is shorter")
			}
			if err := d.missing(path, d.resolve(s)["items"].(schema), v, kept[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
