package audio

// Turn is what the clock calls every 20 ms.
func (m *Mixer) Turn() { m.turn() }
