package join

// Dir is a direction as in SDP, from the view of the party that speaks; the zero Dir says that there is no such media.
type Dir uint8

// The directions.
const (
	Absent Dir = iota
	Inactive
	SendOnly
	RecvOnly
	SendRecv
)

// Media is what a party says of one kind of media. Codecs stands for a list of codecs, which only the caller can read.
type Media struct {
	Dir    Dir
	Codecs uint16
}

// Plan is a comparable digest of a media plan, by kind. The zero Plan says nothing.
type Plan [2]Media

// Said reports whether p says anything.
func (p Plan) Said() bool { return p != Plan{} }

// Fits reports whether each sound or picture codec of the list have is in the list want too.
type Fits func(have, want uint16) bool

// speaks returns what the party behind a side says of itself, kept to the codecs that are agreed with it: what the other side is to
// be told.
func (s Side) speaks() Plan {
	p := s.Agreed
	for k := range p {
		if p[k].Dir != Absent && s.Far[k].Dir != Absent {
			p[k].Dir = s.Far[k].Dir
		}
	}
	return p
}

// asks returns what the pending offer of a side is to be passed on as: agreed codecs where the offer keeps them, all that it has of
// what is new.
func (s Side) asks(fits Fits) Plan {
	p := s.Far
	for k := range p {
		if p[k].Dir != Absent && s.keeps(k, fits) {
			p[k].Codecs = s.Agreed[k].Codecs
		}
	}
	return p
}

// keeps reports whether the offer of a side lets what is agreed of one kind stand.
func (s Side) keeps(k int, fits Fits) bool {
	return s.Agreed[k].Dir != Absent && fits(s.Agreed[k].Codecs, s.Far[k].Codecs)
}

// turns reports whether the pending offer of a side changes nothing but directions, or takes something away.
func (s Side) turns(fits Fits) bool {
	for k := range s.Far {
		if s.Far[k].Dir != Absent && !s.keeps(k, fits) {
			return false
		}
	}
	return s.Agreed.Said()
}

// suits reports whether what a side was told and has agreed to still serves, now that the other side says p.
func (s Side) suits(told, p Plan, fits Fits) bool {
	for k := range p {
		if told[k].Dir != p[k].Dir {
			return false
		}
		if p[k].Dir != Absent && s.Agreed[k].Dir != Absent && !fits(s.Agreed[k].Codecs, p[k].Codecs) {
			return false
		}
	}
	return true
}
