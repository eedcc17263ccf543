package audio

import (
	"time"

	"github.com/alexacall/alexacall/media"
)

// JitterOptions are the options of NewJitter; nil and every zero field are valid.
type JitterOptions struct {
	// Rate of the samples in Hz: 8000, 16000, 24000, 44100 or 48000; 0: 16000.
	Rate int
	// Min is how much sound is in hand at least, beside that of a turn, when the latest of the packets of the last seconds comes; 0: 5 ms. A
	// recorder, for which nobody waits, may take more.
	Min time.Duration
	// Max is how much sound is in hand at most; the oldest of what is more is discarded. 0: 400 ms; at least 100 ms, at most 2 s.
	Max time.Duration
}

// A Jitter makes of the packets of one source samples at the pace of who asks for them. It asks for no time: it sees by how much the packets
// come before they are needed, and keeps that small but above nothing. So it follows the jitter of the path and the drift of the
// source's clock, by leaving out or repeating a period of the voice or a part of a pause. What is lost is concealed; what does not come in
// time delays what follows it; a pause of the source is a pause. One goroutine uses it. It allocates nothing once it has heard a source.
type Jitter struct {
	rate  int // of the samples
	least int // in samples: JitterOptions.Min
	most  int // in samples: JitterOptions.Max
	turn  int // samples handed out at a time

	in     arrivals
	voices voices
	level  level

	ready  []int16 // samples that have not been asked for
	edge   int64   // their end, on the line of time that arrivals.place puts packets on
	ahead  int     // samples invented since the last packet
	gone   int     // packets lost since then
	frame  int     // samples in a packet
	behind bool    // the packet that is played next is later than what may be in hand

	since int // samples since the last one was left out or repeated

	stats JitterStats
}

// JitterStats are the totals of a Jitter. Each sample handed out is one of those counted from Played to Inserted.
type JitterStats struct {
	Delay time.Duration // of sound in hand now

	Packets   uint64 // of sound, played
	Lost      uint64 // of sound: never came, or too late, or Bad
	Late      uint64 // of Lost, those that came too late; and those whose number is none of the source's
	Duplicate uint64 // came again
	Unknown   uint64 // of no codec that is decoded here
	Bad       uint64 // malformed

	Played    uint64 // samples of packets
	Concealed uint64 // invented in place of lost packets
	Starved   uint64 // invented because a packet was late, which was played after them
	Paused    uint64 // of silence, or what fades into it: the source paused, or had not begun
	Waiting   uint64 // invented of late; why is not known before the next packet
	Inserted  uint64 // repeated, because packets come later than they did or the source's clock is slow
	Dropped   uint64 // of those above, left out, because packets come earlier or the source's clock is fast
	Discarded uint64 // never played: more than JitterOptions.Max
}

const (
	defaultJitterRate = 16000
	defaultJitterMin  = 5 * time.Millisecond
	defaultJitterMax  = 400 * time.Millisecond
	leastJitterMax    = 100 * time.Millisecond
	mostJitterMax     = 2 * time.Second

	jitterBegin = 40 * time.Millisecond // in hand when a source begins
	jitterBand  = 5 * time.Millisecond  // may be in hand above what has to be
	jitterSlip  = 2 * time.Millisecond  // timestamps may be off by less than this
	jitterRest  = 80 * time.Millisecond // between two periods that are left out or repeated
	firstFrame  = FrameTime             // what a packet is thought to hold until one is known
)

// NewJitter returns an empty Jitter, which hands out silence.
func NewJitter(o *JitterOptions) *Jitter {
	var with JitterOptions
	if o != nil {
		with = *o
	}
	if with.Rate <= 0 {
		with.Rate = defaultJitterRate
	}
	if with.Min <= 0 {
		with.Min = defaultJitterMin
	}
	if with.Max <= 0 {
		with.Max = defaultJitterMax
	}
	j := &Jitter{rate: with.Rate}
	j.most = j.samples(min(max(with.Max, leastJitterMax), mostJitterMax))
	j.least = min(j.samples(with.Min), j.most/2)
	j.turn = j.samples(FrameTime)
	j.frame = j.samples(firstFrame)
	j.level = newLevel(j.rate)
	j.voices.rate = j.rate
	return j
}

func (j *Jitter) samples(d time.Duration) int { return int(d * time.Duration(j.rate) / time.Second) }

// now is the time of the sample that is handed out next.
func (j *Jitter) now() int64 { return j.edge - int64(len(j.ready)) }

// Put takes a packet that has come, in any order, and copies what it needs. Digits count as pauses; feedback is ignored.
func (j *Jitter) Put(p *media.Packet) {
	switch {
	case p.Signal, p.What != media.RTP && p.What != media.Digit: // of no number of the source's
		return
	case p.Codec == nil || len(p.Payload) > maxPacket:
		j.stats.Bad++
		return
	}
	switch at, where := j.in.put(p, j); where {
	case isLate:
		j.stats.Late++
		j.level.note(at, j.most)
	case isTwice:
		j.stats.Duplicate++
	case isPlaced:
		j.level.note(at, j.most)
		j.limit()
	case isQuiet:
	case isFirst, isHeldBack:
		j.behind = j.behind || where == isHeldBack
		j.level = newLevel(j.rate)
		j.limit()
	case isStray:
		j.stats.Late++
	}
}

// limit discards the oldest packets where more is in hand than may be, and shortens a pause.
func (j *Jitter) limit() {
	for j.inHand() > j.most && j.in.n > 1 {
		j.discard()
	}
	if q, _ := j.in.first(); q != nil && q.sound {
		j.skip(min(int(q.x-j.edge), j.inHand()-j.most))
	}
}

// discard leaves out the oldest packet.
func (j *Jitter) discard() {
	j.in.pop()
	if q, _ := j.in.first(); q != nil && q.sound && q.x > j.edge {
		j.stats.Discarded += uint64(q.x - j.edge)
		j.edge = q.x
		j.level = newLevel(j.rate)
		j.voices.soften()
	}
}

// skip leaves out n samples of which there is nothing in hand.
func (j *Jitter) skip(n int) {
	if n > 0 {
		j.edge += int64(n)
		j.level.shift(-n)
	}
}

// inHand is how long what has come lasts, in samples.
func (j *Jitter) inHand() int {
	if j.in.n == 0 {
		return len(j.ready)
	}
	return max(len(j.ready), int(j.in.topX+int64(j.frame)-j.now()))
}

// Get fills pcm with the samples that follow.
func (j *Jitter) Get(pcm []int16) {
	for len(j.ready) < len(pcm) {
		j.more(len(pcm) - len(j.ready))
		if len(j.ready) >= len(pcm) {
			j.adjust()
		}
	}
	copy(pcm, j.ready)
	j.ready = j.ready[:copy(j.ready, j.ready[len(pcm):])]
	j.turn = min(len(pcm), j.samples(FrameTime))
	j.since += len(pcm)
	j.level.pass(len(pcm))
}

// more appends to what is ready: of the next packet if its time has come, else up to n samples that are invented.
func (j *Jitter) more(n int) {
	q, lost := j.in.first()
	if q == nil {
		j.invent(n, nil)
		return
	}
	if !q.sound {
		if isNoise(q.codec) {
			j.voices.hush(q)
		}
		j.gone += lost
		j.in.pop()
		return
	}
	if lost+j.gone == 0 {
		j.breathe(q.x)
	}
	wait := int(q.x - j.edge)
	slip := 0
	if lost+j.gone == 0 {
		slip = j.samples(jitterSlip)
	}
	switch {
	case wait <= slip:
		j.gone += lost
		j.play(q)
	case lost+j.gone == 0:
		j.invent(min(wait, n), nil)
	case wait <= j.frame:
		j.invent(wait, q)
	default:
		j.invent(min(wait, j.frame), nil)
	}
}

// breathe makes a pause before x shorter or longer where the delay is to change, which nobody hears.
func (j *Jitter) breathe(x int64) {
	pause := int(x - j.edge)
	least, ok := j.level.least()
	if !ok || pause <= j.samples(jitterSlip) {
		return
	}
	by := 0
	switch {
	case least > j.high():
		by = min(least-j.high(), pause)
	case least < j.low():
		by = -max(0, min(j.low()-least, j.samples(jitterBegin), j.most-j.inHand()))
	}
	j.edge += int64(by)
	j.level.shift(-by)
}

// low is by how much the latest packet is to come early at least. A packet that comes just after a turn instead of just before it seems to
// be later by a turn: so much is kept for what is to come.
func (j *Jitter) low() int { return j.least + j.turn }

// high is by how much it may come early before anything is left out.
func (j *Jitter) high() int { return j.low() + j.turn + j.samples(jitterBand) }

// invent appends n samples to what is ready, in place of what is not there; before is the packet after them.
func (j *Jitter) invent(n int, before *queued) {
	had := len(j.ready)
	j.ready = j.voices.conceal(j.ready, n, before)
	n = len(j.ready) - had
	j.edge += int64(n)
	j.ahead += n
}

// play decodes the packet whose time has come.
func (j *Jitter) play(q *queued) {
	had := len(j.ready)
	var err error
	j.ready, err = j.voices.decode(j.ready, q)
	if n := len(j.ready) - had; n > 0 {
		j.account(q.x)
		j.edge = q.x + int64(n)
		j.frame = n
		j.stats.Packets++
		j.stats.Played += uint64(n)
	} else if err != nil {
		j.gone++
		j.stats.Bad++
	}
	j.in.pop()
	j.limit() // a late packet makes all that follows it late
}

// account says why samples were invented before a packet. Those for which there is no time on the source's line made it late.
func (j *Jitter) account(x int64) {
	between := max(0, int(x-j.edge)+j.ahead)
	if j.behind {
		between = min(between, j.gone*j.frame)
	}
	late := max(0, j.ahead-between)
	lost := min(j.ahead-late, j.gone*j.frame)
	j.stats.Starved += uint64(late)
	j.stats.Concealed += uint64(lost)
	j.stats.Paused += uint64(j.ahead - late - lost)
	j.stats.Lost += uint64(j.gone)
	j.level.shift(max(0, int(j.edge-x)))
	j.ahead, j.gone, j.behind = 0, 0, false
}

// adjust leaves out or repeats a period of what is ready where the packets come too early or too late.
func (j *Jitter) adjust() {
	least, ok := j.level.least()
	if !ok || j.since < j.samples(jitterRest) {
		return
	}
	had, high := len(j.ready), j.high()
	switch {
	case least > high && j.level.sure():
		j.ready = shorten(j.ready, j.rate, least-(j.low()+high)/2, least > 2*high)
		j.stats.Dropped += uint64(had - len(j.ready))
	case least < j.low() && j.in.n > 0 && j.inHand()+j.turn < j.most:
		j.ready = lengthen(j.ready, j.rate, least < j.least)
		j.stats.Inserted += uint64(len(j.ready) - had)
	default:
		return
	}
	if by := len(j.ready) - had; by != 0 {
		j.level.shift(by)
		j.since = 0
	}
}

// Stats returns the totals so far.
func (j *Jitter) Stats() JitterStats {
	s := j.stats
	s.Waiting = uint64(j.ahead)
	s.Unknown = j.voices.unknown
	s.Delay = time.Duration(j.inHand()) * time.Second / time.Duration(j.rate)
	return s
}
