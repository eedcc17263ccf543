package audio

import "github.com/alexacall/alexacall/media"

// PlayerWithoutClock returns a player that sends when Turn is called.
func PlayerWithoutClock(to media.Stream) *Player { return newPlayer(to, nil) }

// Turn sends a frame.
func Turn(p *Player) { p.turn() }
