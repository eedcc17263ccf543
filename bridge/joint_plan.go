package bridge

import (
	"slices"

	"github.com/alexacall/alexacall/internal/join"
	"github.com/alexacall/alexacall/media"
)

// codecLists numbers the codec lists of one join, so that plans become the comparable digests that its rules work on. The first
// list is number 1; a nil place is free.
type codecLists [][]media.Codec

func (l *codecLists) number(codecs []media.Codec) uint16 {
	free := len(*l)
	for i, have := range *l {
		if have == nil {
			free = i
		} else if slices.Equal(have, codecs) {
			return uint16(i + 1)
		}
	}
	if codecs == nil {
		codecs = []media.Codec{} // a place in use
	}
	if free == len(*l) {
		*l = append(*l, nil)
	}
	(*l)[free] = codecs
	return uint16(free + 1)
}

// keep frees every list that none of the plans uses, so that a far side cannot make them grow for ever.
func (l *codecLists) keep(plans ...join.Plan) {
	for i := range *l {
		uses := func(m join.Media) bool { return m.Dir != join.Absent && int(m.Codecs) == i+1 }
		if !slices.ContainsFunc(plans, func(p join.Plan) bool { return slices.ContainsFunc(p[:], uses) }) {
			(*l)[i] = nil
		}
	}
}

// digest turns a plan into its digest.
func (l *codecLists) digest(p media.Plan) join.Plan {
	var d join.Plan
	for k := range d {
		if m, ok := p.Find(media.Kind(k)); ok {
			d[k] = join.Media{Dir: join.Dir(m.Dir) + join.Inactive, Codecs: l.number(m.Codecs)}
		}
	}
	return d
}

// plan turns a digest back into a plan.
func (l *codecLists) plan(d join.Plan) media.Plan {
	if !d.Said() {
		return nil
	}
	var p media.Plan
	for k, m := range d {
		if m.Dir != join.Absent {
			p = append(p, media.Media{Kind: media.Kind(k), Dir: media.Direction(m.Dir - join.Inactive), Codecs: (*l)[m.Codecs-1]})
		}
	}
	return p
}

// fits reports whether every sound or picture codec of one list is in another.
func (l *codecLists) fits(have, want uint16) bool {
	for _, c := range (*l)[have-1] {
		if !c.IsDigits() && !slices.ContainsFunc((*l)[want-1], c.Matches) {
			return false
		}
	}
	return true
}
