package join

// Wish is what the far side of a leg asks for besides offers.
type Wish uint8

// The wishes.
const (
	NoWish   Wish = iota
	WishTo        // another party be dialled in its place
	WishBy        // a leg that has come take its place
	WishSame      // likewise, and it is the same party: that is no transfer, and allowed where transfers are not
)

// Move is how far the replacement of a leg has come.
type Move uint8

// The stages of a replacement.
const (
	NoMove   Move = iota
	Fetching      // the new leg is on its way; the old one is still in its place, or has gone already
	Trying        // the new leg is in its place and not up yet; the old one stands aside
)

// Old stands for the leg that stands aside, where an Input names a side.
const Old = 2

// Kept is what State says of a leg that stands aside.
type Kept struct {
	Busy, Failed bool
	Shown        Phase
	Told         Plan
}

// wishes takes up what the far sides ask for. Only one leg is replaced at a time; a party on a new leg waits for its turn.
func (m *machine) wishes() {
	for x, me := range m.sides {
		switch {
		case me.Wish == NoWish:
		case me.Wish == WishSame:
			if m.Move == NoMove {
				m.fetch(x)
			}
		case !m.Transfers || m.Move != NoMove:
			m.acts = append(m.acts, Action{Do: DoRefuse, Side: x})
		case me.Wish == WishBy || me.Phase == Up && m.sides[1-x].Phase == Up: // a call that is being set up comes first
			m.fetch(x)
		}
	}
}

// lastWishes takes up what the far side of a leg that has just ended asked for before: many phones hang up as soon as they have asked, and
// a party on a new leg gives up the old one. Anybody else who has come to take its place is told that there is none any more.
func (m *machine) lastWishes() {
	for x, me := range m.sides {
		switch {
		case me.Phase != Over:
		case me.Wish == WishSame && m.sides[1-x].Phase != Over && m.Move == NoMove && !m.Ended:
			m.fetch(x)
			return
		case me.Wish == WishBy || me.Wish == WishSame:
			m.acts = append(m.acts, Action{Do: DoRefuse, Side: x})
		case me.Wish == WishTo && m.stands(1-x) && m.Transfers && m.Move == NoMove && !m.Ended:
			m.fetch(x)
			return
		}
	}
}

// stands reports whether a side is up, or is being answered: its far side may know of that before we do.
func (m *machine) stands(x int) bool {
	phase := m.sides[x].Phase
	return phase == Up || phase < Up && m.Busy[x] && m.Shown[x] == Up
}

// fetch begins to replace the leg of a side.
func (m *machine) fetch(x int) {
	m.Move, m.Moved, m.By = Fetching, uint8(x), m.sides[x].Wish != WishTo
	m.acts = append(m.acts, Action{Do: DoFetch, Side: x})
}

// try begins with a new leg in the place of the old one.
func (m *machine) try() {
	if m.Move != Fetching {
		return
	}
	x := m.Moved
	m.Kept = Kept{m.Busy[x], m.Failed[x], m.Shown[x], m.Told[x]}
	m.Busy[x], m.Failed[x], m.Shown[x], m.Told[x] = false, false, Placed, Plan{}
	m.Asking = [2]bool{} // what was asked of the old leg, or by it, is not waited for
	m.Move = Trying
}

// settle lets the old leg go once the new one is up.
func (m *machine) settle() {
	if m.Move == Trying && m.sides[m.Moved].Phase == Up {
		m.acts = append(m.acts, Action{Do: DoSettle, Side: int(m.Moved)})
		m.Move, m.Moved, m.By, m.Kept = NoMove, 0, false, Kept{}
	}
}

// giveBack ends a replacement that came to nothing: the call is what it was before. If the old leg has gone meanwhile, that is the end
// of the call, for the reason that the replacement failed.
func (m *machine) giveBack(cause uint8) {
	x := m.Moved
	switch m.Move {
	case NoMove:
		return
	case Trying:
		m.sides[x] = m.old
		m.Busy[x], m.Failed[x], m.Shown[x], m.Told[x] = m.Kept.Busy, m.Kept.Failed, m.Kept.Shown, m.Kept.Told
		m.Asking = [2]bool{}
	case Fetching:
	}
	m.Move, m.Moved, m.By, m.Kept = NoMove, 0, false, Kept{}
	m.acts = append(m.acts, Action{Do: DoReturn, Side: int(x), Cause: cause})
	if m.sides[x].Phase == Over {
		m.sides[x].Cause = cause
	}
}

// waits reports whether the call goes on although the leg that is being replaced has gone.
func (m *machine) waits() bool {
	return m.Move == Fetching && m.sides[m.Moved].Phase == Over && m.sides[1-m.Moved].Phase != Over
}
