package mediaserver

import "context"

// A Voice speaks texts: a leaf package for each service has one. Its methods are safe for concurrent use.
type Voice interface {
	// Speak returns a sound file of a kind that audio.NewSource reads, of at most MaxSpeech bytes. It returns soon after ctx ends: whoever hears
	// it can be given to nobody else before.
	Speak(ctx context.Context, s *Speech) ([]byte, error)
}

// MaxSpeech is how many bytes a spoken phrase may have.
const MaxSpeech = 16 << 20
