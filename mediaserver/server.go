package mediaserver

import (
	"log/slog"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media/audio"
)

// A Server is where calls meet their application. Its fields are set before it is used and not changed after. It is a bridge.Bridge; calls that
// it places go through Dialer. It needs Application and Clock.
type Server struct {
	Application Application
	Clock       *audio.Clock // of all that is played, recorded and mixed
	Dialer      bridge.Dialer
	// DialerFor returns what places a call whose destination says more than its address, such as sip.Agent.As; see the example. Nil: Dialer,
	// which is told From, and the rest is left out.
	DialerFor func(d *Destination) bridge.Dialer
	Domain    string // of the tenant, in all that the application is told

	Prompts PromptStore            // nil: there are no files, and nothing can be recorded
	Fetcher *audio.Fetcher         // of phrases by URL; nil: those cannot be played
	Voices  map[PhraseFormat]Voice // by the formats of their phrases

	Country      string        // whose ringback a caller hears: two letters of ISO 3166-1; empty: ITU-T E.180's
	RingFor      time.Duration // how long a call rings if nothing else is said; 0: 60 s
	DecideFor    time.Duration // how long the application may take for an answer; 0: 15 s
	CommandPause time.Duration // between two requests for commands, if the command between them did nothing; 0: 5 s

	RecordStereo bool // a channel for each side of a connection that is recorded; else one for both
	// RecordFormat is of recordings, whatever their names end in: WAV, mu-law, or Ogg Opus, which is of one channel, and WAV where this build
	// does not encode Opus.
	RecordFormat audio.RecordFormat

	MaxSessions int // at once; 0: 10000

	Logger *slog.Logger // nil is silent

	running running
}
