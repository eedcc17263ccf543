package rtc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"unicode/utf8"
)

// ErrNoEndpoint is what a Directory returns for an id that it does not have.
var ErrNoEndpoint = errors.New("rtc: no such endpoint")

// A Category is the kind of device that the Alexa app shows.
type Category string

// The categories of what can be talked to.
const (
	Camera   Category = "CAMERA"
	Doorbell Category = "DOORBELL"
)

// An Endpoint is a door phone, camera or intercom: what discovery says of it, and what we know besides. Formatting and logging it show its
// id only.
type Endpoint struct {
	ID           string // 1 to 256 letters, digits and characters of _-=#;:?@&; the user's own, and for ever
	FriendlyName string // what the user calls it; names and Description have up to 128 characters
	Description  string
	Manufacturer string
	Model        string            // recommended
	Categories   []Category        // Camera is written first; nil: Camera, and Doorbell if it has a bell
	Cookie       map[string]string // comes back with each directive; up to MaxCookie bytes; nil: none

	// HalfDuplex says that only one side can be heard at a time, so that the user has to push to talk. On the wire it is the opposite,
	// isFullDuplexAudioSupported. Echo cancellation is required of an endpoint that is not HalfDuplex.
	HalfDuplex bool

	Doorbell bool // it has Alexa.DoorbellEventSource: it rings

	// What follows is not on the wire.

	Offline bool     // Alexa.EndpointHealth reports UNREACHABLE
	URI     string   // whom a session calls, as the Bridge reads it
	Users   []string // whose it is; nil: everybody's that the skill serves
}

// Of reports whether the endpoint is a user's.
func (e *Endpoint) Of(user string) bool { return e.Users == nil || slices.Contains(e.Users, user) }

// Health returns the state of the endpoint for a StateReport, as of now.
func (e *Endpoint) Health() *Health { return &Health{Offline: e.Offline} }

// String returns the id.
func (e Endpoint) String() string { return printable(e.ID, maxID) }

// GoString returns what String does.
func (e Endpoint) GoString() string { return "rtc.Endpoint{" + e.String() + "}" }

// LogValue returns the id.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

// A Directory says which endpoints there are. Its methods may be called at once from many goroutines; Alexa waits while they work.
type Directory interface {
	// List returns the endpoints of a user, MaxEndpoints at most.
	List(ctx context.Context, user string) ([]Endpoint, error)

	// Find returns an endpoint, whoever's it is. The error is ErrNoEndpoint for an id that there is not.
	Find(ctx context.Context, id string) (Endpoint, error)
}

// Endpoints is a Directory of endpoints that do not change while it is in use.
type Endpoints []Endpoint

var _ Directory = Endpoints(nil)

// List returns the endpoints of a user.
func (es Endpoints) List(_ context.Context, user string) ([]Endpoint, error) {
	var list []Endpoint
	for _, e := range es {
		if e.Of(user) {
			list = append(list, e)
		}
	}
	return list, nil
}

// Find returns the first endpoint of an id.
func (es Endpoints) Find(_ context.Context, id string) (Endpoint, error) {
	for _, e := range es {
		if e.ID == id {
			return e, nil
		}
	}
	return Endpoint{}, ErrNoEndpoint
}

// Validate reports whether the endpoint may be told to Alexa. The error names the member, never its value.
func (e *Endpoint) Validate() error {
	if _, err := e.wire("endpoint"); err != nil {
		return fmt.Errorf("rtc: invalid %w", err)
	}
	return nil
}

// wire returns the endpoint as it is written at a path.
func (e *Endpoint) wire(path string) (*wireDiscovered, error) {
	if err := checkEndpointID(path+".endpointId", e.ID); err != nil {
		return nil, err
	}
	for _, m := range []struct {
		key, text string
		optional  bool
	}{
		{"manufacturerName", e.Manufacturer, false},
		{"modelName", e.Model, true},
		{"friendlyName", e.FriendlyName, false},
		{"description", e.Description, false},
	} {
		if m.optional && m.text == "" {
			continue
		}
		if err := checkText(path+"."+m.key, m.text, utf8.UTFMax*maxLabel); err != nil {
			return nil, err
		}
		if utf8.RuneCountInString(m.text) > maxLabel {
			return nil, errMember(path+"."+m.key, fmt.Sprintf("has more than %d characters", maxLabel))
		}
	}
	if err := checkCookie(path+".cookie", e.Cookie); err != nil {
		return nil, err
	}
	categories, err := e.categories(path + ".displayCategories")
	if err != nil {
		return nil, err
	}
	return &wireDiscovered{
		EndpointID: e.ID, Manufacturer: e.Manufacturer, Model: e.Model, FriendlyName: e.FriendlyName, Description: e.Description,
		Categories: categories, Cookie: e.Cookie, Capabilities: e.capabilities(),
	}, nil
}

// categories returns the categories in the order that Amazon asks for.
func (e *Endpoint) categories(path string) ([]Category, error) {
	switch {
	case len(e.Categories) == 0 && e.Doorbell:
		return []Category{Camera, Doorbell}, nil
	case len(e.Categories) == 0:
		return []Category{Camera}, nil
	}
	list := slices.Sorted(slices.Values(e.Categories)) // the alphabet's order is Amazon's
	for i, c := range list {
		if c != Camera && c != Doorbell || i > 0 && c == list[i-1] {
			return nil, errMember(path, "is not Camera, Doorbell or both")
		}
	}
	return list, nil
}

func checkCookie(path string, cookie map[string]string) error {
	for key, value := range cookie {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return errMember(path, "is not UTF-8")
		}
	}
	b, err := appendJSON(nil, cookie)
	if err != nil || len(b) > MaxCookie {
		return errMember(path, fmt.Sprintf("has more than %d bytes", MaxCookie))
	}
	return nil
}
