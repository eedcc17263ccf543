package espeak

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/alexacall/alexacall/internal/peertext"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/mediaserver"
)

const (
	defaultProgram = "espeak-ng"
	defaultVoice   = "en"
	timeout        = 10 * time.Second
	killed         = time.Second // how long after its end a process may keep its output open

	maxText    = 64 << 10 // bytes that are spoken
	maxVoice   = 64       // of a voice's name
	maxMessage = 256      // of the program's words in an Error
)

// ErrText means that a text is too long, or no SSML though it is said to be.
var ErrText = errors.New("this text cannot be spoken")

// An Error says why a text has not been spoken. It does not repeat the text.
type Error struct {
	Message string // what the program has said, in one line; may be empty
	Err     error  // ErrText, audio.ErrLimit, what the program could not be run for, or the context's
}

// Error returns the facts in one line.
func (e *Error) Error() string {
	s := "espeak: " + e.Err.Error()
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// A Voice speaks by eSpeak NG. Its fields are set before the first use; none has to be.
type Voice struct {
	Program   string        // empty: "espeak-ng", on the path
	VoiceID   string        // where a Speech names none that the program knows, and no language either; empty: "en"
	Timeout   time.Duration // of a text; 0: 10 s
	Processes int           // that run at once; 0: as many as Go runs at once

	once  sync.Once
	slots chan struct{}
}

var _ mediaserver.Voice = (*Voice)(nil)

// Speak implements mediaserver.Voice. The error is an *Error.
func (v *Voice) Speak(ctx context.Context, s *mediaserver.Speech) ([]byte, error) {
	text, err := spoken(s)
	if err != nil {
		return nil, &Error{Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(v.Timeout, timeout))
	defer cancel()
	v.once.Do(func() { v.slots = make(chan struct{}, max(1, cmp.Or(v.Processes, runtime.GOMAXPROCS(0)))) })
	select {
	case v.slots <- struct{}{}:
		defer func() { <-v.slots }()
	case <-ctx.Done():
		return nil, &Error{Err: context.Cause(ctx)}
	}
	var failed *Error
	for _, name := range v.names(s) {
		var data []byte
		if data, failed = v.run(ctx, name, s.SSML, text); failed == nil {
			return data, nil
		}
		if failed.Message == "" || ctx.Err() != nil {
			break // it is not the voice
		}
	}
	return nil, failed
}

// names returns the voices to try, the best first: there is always one.
func (v *Voice) names(s *mediaserver.Speech) (names []string) {
	for _, name := range []string{s.Voice, strings.ToLower(s.Language), v.VoiceID, defaultVoice} {
		if isVoice(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// isVoice reports whether a name may be one of a voice, such as "en-us+f3": nothing that could be an option or a file elsewhere.
func isVoice(name string) bool {
	if name == "" || len(name) > maxVoice || !isLetter(name[0]) {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !isLetter(c) && (c < '0' || c > '9') && c != '-' && c != '_' && c != '+' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// spoken returns what the program is to read.
func spoken(s *mediaserver.Speech) (string, error) {
	if len(s.Text) > maxText {
		return "", fmt.Errorf("%w: it has more than %d bytes", ErrText, maxText)
	}
	if s.SSML {
		return harmless(s.Text)
	}
	return printable(s.Text), nil
}

// printable leaves out control characters, which are commands to the program.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
}

// run has a voice speak.
func (v *Voice) run(ctx context.Context, name string, ssml bool, text string) ([]byte, *Error) {
	args := []string{"-v", name, "-b", "1", "--stdin", "--stdout"}
	if ssml {
		args = append(args, "-m")
	}
	cmd := exec.CommandContext(ctx, cmp.Or(v.Program, defaultProgram), args...)
	cmd.WaitDelay = killed
	out, said := limited{most: mediaserver.MaxSpeech}, limited{most: maxMessage, cuts: true}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), &out, &said
	err := cmd.Run()
	switch {
	case out.over:
		return nil, &Error{Err: fmt.Errorf("%w: a speech of more than %d bytes", audio.ErrLimit, mediaserver.MaxSpeech)}
	case ctx.Err() != nil:
		return nil, &Error{Err: context.Cause(ctx)}
	case err != nil:
		return nil, &Error{Err: err, Message: peertext.Printable(string(said.kept), maxMessage)}
	}
	source, err := audio.NewSource(bytes.NewReader(out.kept))
	if err != nil {
		return nil, &Error{Err: err}
	}
	_ = source.Close()
	return out.kept, nil
}

// limited keeps what is written, up to a limit. It has no ReadFrom, which io.Copy would use instead of Write.
type limited struct {
	kept []byte
	most int
	cuts bool // it takes what is more, and forgets it
	over bool // there was more
}

func (l *limited) Write(b []byte) (int, error) {
	room := l.most - len(l.kept)
	if len(b) <= room {
		l.kept = append(l.kept, b...)
		return len(b), nil
	}
	l.over = true
	if !l.cuts {
		return 0, audio.ErrLimit
	}
	l.kept = append(l.kept, b[:room]...)
	return len(b), nil
}
