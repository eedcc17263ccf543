package alexatest

import (
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// noted is what the transcript wants of a message.
type noted struct{ name, session, code, renegotiation, sdpType, sdp string }

// note returns what a request is recorded with; the message may be incomplete.
func (m *message) note() noted {
	n := noted{name: m.name, session: text(m.SessionID), renegotiation: text(m.Renegotiation)}
	if m.Result != nil {
		n.code = text(m.Result.Code)
	}
	if m.SDP != nil {
		n.sdpType, n.sdp = text(m.SDP.Type), text(m.SDP.Value)
	}
	return n
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// noteOf returns what an event is recorded with.
func noteOf(name, session string, fields map[string]any) noted {
	in := func(object, key string) string {
		m, _ := fields[object].(map[string]any)
		s, _ := m[key].(string)
		return s
	}
	n := noted{name: name, session: session, code: in("callResult", "code"), sdpType: in("sdpDetails", "type"), sdp: in("sdpDetails", "value")}
	n.renegotiation, _ = fields["renegotiationType"].(string)
	return n
}

// summary describes each m-section of a description, and returns the first ice-ufrag.
func summary(text string) (sections []string, ufrag string) {
	d := &sdp.SessionDescription{}
	if d.UnmarshalString(text) != nil {
		return []string{"unreadable"}, ""
	}
	ufrag, _ = d.Attribute("ice-ufrag")
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Port.Value == 0 {
			sections = append(sections, m.MediaName.Media+" rejected")
			continue
		}
		if u, ok := m.Attribute("ice-ufrag"); ok && ufrag == "" {
			ufrag = u
		}
		words := []string{m.MediaName.Media, string((&remoteSDP{session: d}).readDirection(m))}
		for _, name := range formatNames(m) {
			if !slices.Contains(words, name) {
				words = append(words, name)
			}
		}
		sections = append(sections, strings.Join(words, " "))
	}
	return sections, ufrag
}

// formatNames returns the names of the formats of a section, those of static payload types that have no rtpmap included.
func formatNames(m *sdp.MediaDescription) []string {
	maps := map[string]string{"0": CodecPCMU, "8": CodecPCMA, "9": CodecG722}
	for _, a := range m.Attributes {
		if pt, codec, ok := strings.Cut(a.Value, " "); ok && a.Key == "rtpmap" {
			maps[pt], _, _ = strings.Cut(codec, "/")
		}
	}
	var names []string
	for _, f := range m.MediaName.Formats {
		if name := maps[f]; name != "" {
			names = append(names, name)
		} else {
			names = append(names, f)
		}
	}
	return names
}

// generation returns the number of an ICE session by its ice-ufrag.
func (k *drawn) generation(d Direction, ufrag string) int {
	if k.ufrags == nil {
		k.ufrags = make(map[Direction][]string)
	}
	if i := slices.Index(k.ufrags[d], ufrag); i >= 0 {
		return i + 1
	}
	k.ufrags[d] = append(k.ufrags[d], ufrag)
	return len(k.ufrags[d])
}
