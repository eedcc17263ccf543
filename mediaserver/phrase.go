package mediaserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/alexacall/alexacall/media/audio"
)

// errNoPhrase means that a server cannot play phrases of a format.
var errNoPhrase = errors.New("cannot be played by this server")

// promptEndingTable are the endings of the files that a name without one stands for, after the name itself.
var promptEndingTable = [...]string{"", ".wav", ".ogg", ".mp3"}

// openPhrase opens what is heard of a phrase. It returns soon after ctx ends, if store and voice do. The context is that of the sound too.
func (s *Server) openPhrase(ctx context.Context, domain string, p *Phrase) (audio.Source, error) {
	switch p.Format {
	case PhraseFile:
		return s.openFile(ctx, domain, p.File)
	case PhraseURL:
		if s.Fetcher == nil {
			return nil, errNoPhrase
		}
		if p.Refresh {
			return s.Fetcher.Refresh(ctx, p.URL)
		}
		return s.Fetcher.Open(ctx, p.URL)
	default:
		return s.openSpeech(ctx, p)
	}
}

func (s *Server) openFile(ctx context.Context, domain, name string) (audio.Source, error) {
	if s.Prompts == nil {
		return nil, errNoPhrase
	}
	endings := promptEndingTable[:]
	if slices.Contains(endings[1:], path.Ext(name)) {
		endings = endings[:1]
	}
	var file io.ReadSeekCloser
	var err error
	for _, ending := range endings {
		if file, err = s.Prompts.Open(ctx, domain, name+ending); err == nil {
			return audio.NewSource(file)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return nil, err
}

func (s *Server) openSpeech(ctx context.Context, p *Phrase) (audio.Source, error) {
	voice := s.Voices[p.Format]
	if voice == nil {
		return nil, errNoPhrase
	}
	var data []byte
	var err error
	if cache, ok := voice.(*SpeechCache); ok {
		data, err = cache.speak(ctx, &p.Speech, p.TTL, p.Refresh)
	} else {
		data, err = voice.Speak(ctx, &p.Speech)
	}
	if err != nil {
		return nil, err
	}
	if len(data) > MaxSpeech {
		return nil, fmt.Errorf("%w: a speech of more than %d bytes", audio.ErrLimit, MaxSpeech)
	}
	return audio.NewSource(bytes.NewReader(data))
}
