package audio

import "time"

// turn is what a conference does every 20 ms: it hears every member, adds up who is to be heard, and tells every member. Hearing and
// telling are done for many members at once; a member's own lock keeps it from leaving meanwhile.
func (m *Mixer) turn() {
	m.mu.Lock()
	m.now = append(m.now[:0], m.members...)
	m.gone, m.left = m.left, m.gone[:0]
	m.mu.Unlock()
	m.count++
	m.turns.Add(1)

	m.crew.each(len(m.now), m.hears)
	m.give()
	m.add()
	m.share()
	m.crew.each(len(m.now), m.tells)
	m.tap.deliver(m)
	m.before.add(m.sum)
	m.part()
}

// passed is how long the conference has taken turns.
func (m *Mixer) passed() time.Duration { return time.Duration(m.count) * FrameTime }

func (m *Mixer) hear(i int) { m.now[i].hear() }
func (m *Mixer) tell(i int) { m.now[i].tell() }

// give gives the floor.
func (m *Mixer) give() {
	m.standings, m.pressing = m.standings[:0], m.pressing[:0]
	for _, one := range m.now {
		if one.speaks() {
			m.standings = append(m.standings, &one.floor)
		}
		if one.presses.n > 0 {
			m.pressing = append(m.pressing, one)
		}
	}
	m.floor.choose(m.standings)
}

// add adds up who is heard.
func (m *Mixer) add() {
	clear(m.sum)
	for _, one := range m.now {
		if one.blend() {
			m.plus(one)
		}
	}
	for i, one := range m.gone {
		if one.trail() {
			m.plus(one)
		}
		m.gone[i] = nil
	}
}

func (m *Mixer) plus(one *Member) {
	for i, x := range one.part {
		m.sum[i] += x
	}
	m.mixed.Add(uint64(len(one.part)))
}

// share encodes what is heard by more than one: once for each codec.
func (m *Mixer) share() {
	m.mu.Lock()
	lines := m.lines
	m.mu.Unlock()
	for _, l := range lines {
		l.wanted = false
	}
	for _, one := range m.now {
		one.choose()
	}
	for _, l := range lines {
		if !l.wanted {
			continue
		}
		if l.last+1 != m.count {
			l.follow(&m.before)
		}
		l.last = m.count
		l.encode(m.sum)
		m.encoded.Add(1)
	}
}

// part sees off whose stream has ended.
func (m *Mixer) part() {
	for i, one := range m.now {
		if one.why != nil {
			one.leave(one.why)
		}
		m.now[i] = nil
	}
}
