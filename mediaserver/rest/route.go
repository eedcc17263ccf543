package rest

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alexacall/alexacall/mediaserver/wire"
)

// The services are the first segments of paths.
const (
	mediaService = "mediaservice"
	cacheService = "cache"
)

// maxPath is how many bytes a path may have.
const maxPath = 1024

// A route is a path.
type route struct {
	service string
	name    string // the segment behind the domain's
	param   string // what the segment behind that stands for; empty: there is none
	open    bool   // for everybody: there is no domain
	methods []method
}

// A method carries out a request. It returns what is to be answered, nil if it has answered already.
type method struct {
	name     string
	carryOut func(*exchange) (*wire.Answer, error)
}

var routeTable = []*route{
	{service: mediaService, name: string(wire.PlaceIVRCall), methods: post(placeIVRCall)},
	{service: mediaService, name: string(wire.SplitConnection), methods: post(splitConnection)},
	{service: mediaService, name: string(wire.Connect), methods: post(connect)},
	{service: mediaService, name: string(wire.CreateConferenceConnection), methods: post(createConference)},
	{service: mediaService, name: string(wire.HangupParticipant), methods: post(hangupParticipant)},
	{service: mediaService, name: string(wire.StartRecording), methods: post(startRecording)},
	{service: mediaService, name: string(wire.StopRecording), methods: post(stopRecording)},
	{service: mediaService, name: "promptfile", param: "filename", methods: []method{
		{http.MethodGet, getPrompt}, {http.MethodHead, getPrompt}, {http.MethodPut, putPrompt}, {http.MethodDelete, deletePrompt},
	}},
	{service: cacheService, name: "ivrfallback", methods: []method{{http.MethodGet, listFallbacks}}},
	{service: cacheService, name: "ivrfallback", param: "number", methods: []method{
		{http.MethodGet, getFallback}, {http.MethodPost, postFallback}, {http.MethodDelete, deleteFallback},
	}},
	{service: mediaService, name: "openapi.json", open: true, methods: contract("application/json")},
	{service: mediaService, name: "openapi.yaml", open: true, methods: contract("application/yaml")},
}

func post(f func(*exchange) (*wire.Answer, error)) []method { return []method{{http.MethodPost, f}} }

func (r *route) method(name string) func(*exchange) (*wire.Answer, error) {
	for _, m := range r.methods {
		if m.name == name {
			return m.carryOut
		}
	}
	return nil
}

// allow returns the methods as Allow has them (RFC 9110 section 10.2.1).
func (r *route) allow() string {
	names := make([]string, 0, len(r.methods)+1)
	for _, m := range r.methods {
		names = append(names, m.name)
	}
	return strings.Join(append(names, http.MethodOptions), ", ")
}

// A place is where a path leads to.
type place struct {
	route         *route
	domain, param string
}

// find returns where a path leads to, as it was sent: escaped. A segment that says something else when it is not escaped is refused.
func find(path string) (place, error) {
	if len(path) > maxPath {
		return place{}, errPath
	}
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		if err != nil || !isSegment(plain) {
			return place{}, errPath
		}
		segments[i] = plain
	}
	service := ""
	if len(segments) > 1 && (segments[0] == mediaService || segments[0] == cacheService) {
		service, segments = segments[0], segments[1:]
	}
	for _, r := range routeTable {
		if service != "" && service != r.service {
			continue
		}
		if p, ok := r.match(segments); ok {
			return p, nil
		}
	}
	return place{}, errUnknownPath
}

func (r *route) match(segments []string) (place, bool) {
	p := place{route: r}
	want := []*string{&p.domain, nil, &p.param}
	switch {
	case r.open:
		want = want[1:2]
	case r.param == "":
		want = want[:2]
	}
	if len(segments) != len(want) {
		return p, false
	}
	for i, s := range segments {
		switch {
		case s == "":
			return p, false
		case want[i] != nil:
			*want[i] = s
		case s != r.name:
			return p, false
		}
	}
	return p, true
}

// isSegment reports whether a segment can stand for nothing but itself.
func isSegment(s string) bool {
	bad := func(r rune) bool { return r == '/' || r == '\\' || r == utf8.RuneError || unicode.IsControl(r) }
	return s != "." && s != ".." && !strings.ContainsFunc(s, bad)
}
