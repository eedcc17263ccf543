package alexa

import (
	"time"

	"github.com/alexacall/alexacall/internal/join"
)

// Codec lists of the model are sets of two codecs, so that a list is its own number.
const (
	codecX = 1 << iota
	codecY
	both = codecX | codecY
)

func codecsFit(have, want uint16) bool { return have&^want == 0 }

// plan says what a party says of its sound: three bits of direction and two of codecs. It is also the number under which a
// description stands in the machine. A plan without a codec is a description that cannot be used.
type plan uint8

func sound(d join.Dir, codecs uint16) plan { return plan(d) | plan(codecs)<<3 }

var (
	full    = sound(join.SendRecv, both)
	narrow  = sound(join.SendRecv, codecX)
	useless = sound(join.SendRecv, 0)
)

func (p plan) dir() join.Dir        { return join.Dir(p & 7) }
func (p plan) codecs() uint16       { return uint16(p >> 3) }
func (p plan) turn(d join.Dir) plan { return sound(d, p.codecs()) }
func packPlan(p join.Plan) plan     { return sound(p[0].Dir, p[0].Codecs) }
func (p plan) open() join.Plan      { return join.Plan{{Dir: p.dir(), Codecs: p.codecs()}} }
func (p plan) common(q plan) plan   { return sound(join.SendRecv, p.codecs()&q.codecs()) }
func (p plan) usable() bool         { return p.codecs() != 0 }
func (p plan) covers(have plan) bool {
	return codecsFit(have.codecs(), p.codecs())
}

// modelBegin is the time of the model, which only passes when our CallUpdate is not answered.
var modelBegin = time.Unix(1_000_000_000, 0).UTC()

// packedState is a state in few bytes, since a model has millions.
type packedState struct {
	flags  uint16
	stage  stage
	theirs uint8
	early  plan
	flying packedPost
	queue  [maxQueue]packedPost
}

type packedPost uint16

func packPost(p post) packedPost { return packedPost(p.kind)<<5 | packedPost(p.sdp) }
func (p packedPost) open() post  { return post{kind(p >> 5), int(p & 31)} }

// flagsOf returns the places of a state's flags.
func flagsOf(s *state) [6]*bool {
	return [...]*bool{&s.called, &s.rang, &s.answered, &s.accepted, &s.taken, &s.ours}
}

const timed = 1 << 15

func packState(s state) packedState {
	p := packedState{stage: s.stage, theirs: s.theirs, early: plan(s.early), flying: packPost(s.flying)}
	for i, f := range flagsOf(&s) {
		if *f {
			p.flags |= 1 << i
		}
	}
	if !s.deadline.IsZero() {
		p.flags |= timed
	}
	for i, q := range s.queue {
		p.queue[i] = packPost(q)
	}
	return p
}

func (p packedState) open() state {
	s := state{stage: p.stage, theirs: p.theirs, early: int(p.early), flying: p.flying.open()}
	for i, f := range flagsOf(&s) {
		*f = p.flags&(1<<i) != 0
	}
	if p.flags&timed != 0 {
		s.deadline = modelBegin.Add(pendingLimit)
		if s.ours {
			s.deadline = modelBegin.Add(updateLimit)
		}
	}
	for i, q := range p.queue {
		s.queue[i] = q.open()
		if q != 0 {
			s.queued++
		}
	}
	return s
}
