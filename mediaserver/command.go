package mediaserver

import (
	"regexp"
	"time"
)

// A Command is what an IVR does with whom it talks to. It has been carried out when all phrases have been played and, where they were asked
// for, the digits have come and the recording or the echo has ended. Then the IVR leaves, or calls, or asks for the next command.
type Command struct {
	Phrases []Phrase // played in order
	BargeIn bool     // digits end the phrases
	Digits  *Digits  // wait for digits, while the phrases play too; nil: do not
	Record  *Record  // after the phrases; nil: do not
	Echo    *Echo    // after the phrases; nil: do not

	// Background is played whenever no phrase is, over and over, also while the application is asked, until another command has one; but not
	// while the party is recorded or hears itself. One that plays already goes on. An empty one ends it; nil leaves it as it is.
	Background *Background

	Hangup bool          // then leave; a CallEvent follows
	Call   *Action       // then leave, and do this Action of the kind Call at once; no CallEvent is asked
	After  time.Duration // how long to wait before the next command is asked for
}

// PhraseFormat is what a phrase is made from, by the names of the callbacks.
type PhraseFormat string

// The formats of phrases. Any other is a voice of Server.Voices.
const (
	PhraseFile   PhraseFormat = "file"      // of the prompt store
	PhraseURL    PhraseFormat = "url"       // fetched by HTTP
	PhrasePolly  PhraseFormat = "awstts"    // spoken by Amazon Polly, if Server.Voices has it
	PhraseGoogle PhraseFormat = "googletts" // spoken by Google, likewise
)

// A Phrase is something that is played.
type Phrase struct {
	Format  PhraseFormat
	File    string        // PhraseFile: its name in the prompt store; one without ending stands for .wav, .ogg and .mp3 too
	URL     string        // PhraseURL
	Speech  Speech        // else
	TTL     time.Duration // how long what was spoken may be used again; 0: as long as the cache has it
	Refresh bool          // speak or fetch it anew
}

// A Speech is a text that is spoken. What a voice does not know of it does not matter.
type Speech struct {
	Text       string
	SSML       bool   // Text is SSML
	Voice      string // by the name that the service has for it: "Kendra"; empty: the service's own for the language
	Language   string // such as "en-US"; empty: the voice's
	Engine     string // of Polly: "standard", "neural"
	SampleRate int    // in Hz; 0: what the service likes best
	Lexicons   []string
}

// A Background is a phrase that is played over and over.
type Background struct {
	Phrase
	RepeatPause time.Duration // of silence in between
}

// Digits says which digits to wait for. Without Max, Termination or Pattern, Between ends it.
type Digits struct {
	Max         int            // how many at most; 0: 64
	Termination string         // keys, each of which ends the input and is not part of it
	First       time.Duration  // how long to wait for the first one, from the end of the phrases; 0: for ever
	Between     time.Duration  // how long to wait for each other one, from the end of the phrases at the earliest; 0: 5 s
	Total       time.Duration  // how long to wait altogether, from the end of the phrases; 0: for ever
	Pattern     *regexp.Regexp // ends the input as soon as all of it matches; nil: nothing does
	Clear       bool           // forget what was typed before
}

// DigitsReason says why digits are waited for no more.
type DigitsReason uint8

// The reasons, by the names of the callbacks.
const (
	DigitsMax         DigitsReason = iota + 1 // "maxDigits"
	DigitsTermination                         // "terminationKey"
	DigitsTimeout                             // "timeout": First or Total
	DigitsBetween                             // "interDigitTimeout"
	DigitsMatch                               // "match"
)

// A DigitsResult is what came of waiting for digits.
type DigitsResult struct {
	Digits string // without a terminating key
	Reason DigitsReason
}

// A Record says how to record whom the IVR talks to.
type Record struct {
	File        string        // its name in the prompt store; empty: one is made up
	Max         time.Duration // how long at most; 0: 1 h
	Silence     time.Duration // ends it; 0: none does
	Termination string        // keys, each of which ends it
	Beep        bool          // sound a tone before it
}

// RecordReason says why a recording of an IVR has ended.
type RecordReason uint8

// The reasons, by the names of the callbacks.
const (
	RecordMax         RecordReason = iota + 1 // "maxTime"
	RecordSilence                             // "silence"
	RecordTermination                         // "terminationKey"
	RecordHangup                              // "hangup"
	RecordFailed                              // "failed": the file lacks the end, or is not there
)

// A RecordResult is what came of a recording.
type RecordResult struct {
	File     string // under which it is in the prompt store; empty if it is not there
	Duration time.Duration
	Reason   RecordReason
}

// An Echo has whom the IVR talks to hear itself, for tests.
type Echo struct {
	For time.Duration // 0: 30 s
}

// A PhraseError says which phrase of a command could not be played, and why.
type PhraseError struct {
	Index int // in Command.Phrases; -1: the background
	Err   error
}

// Error implements error.
func (e *PhraseError) Error() string { return "mediaserver: phrase: " + e.Err.Error() }

// Unwrap returns why.
func (e *PhraseError) Unwrap() error { return e.Err }
