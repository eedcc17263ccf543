package alexatest

import (
	"log/slog"
	"net/http"
	"time"
)

// CloudOptions configures [NewCloud]. The zero value and nil are valid.
type CloudOptions struct {
	// NoSockets opens no listener: the cloud is reached through [Cloud.RoundTripper] only, and events go to the handler of
	// SkillHandler or [Cloud.SetSkillHandler]. It is meant for testing/synctest.
	NoSockets bool

	// SkillHandler receives events in memory; nil: events are posted to the URL given to [Cloud.SetSkillURL].
	SkillHandler http.Handler

	// SkillClient posts events to the skill's URL; nil: a client of the cloud's own. Set it to trust a test certificate.
	SkillClient *http.Client

	// TokenLifetime is the life of an access token and the expires_in of its answer; 0: one hour, as Login with Amazon has it.
	TokenLifetime time.Duration

	// AckTimeout is how long an Ack, or the answer to a CallUpdate, may take; 0: 5 s. Amazon names no figure.
	AckTimeout time.Duration

	// MaxCalls limits the calls to devices that stand at the same time: one more is refused with 429. 0: no limit.
	MaxCalls int

	// AckFirst sends the event that answers a request before the HTTP answer to that request, which a client must stand.
	// The default is the reverse.
	AckFirst bool

	// Faults are in force from the start; see [Cloud.SetFaults].
	Faults Faults

	// Seed decides what Faults.Random does: the n-th request of a type in the m-th call meets the same fate in every cloud with the
	// same seed, whatever other calls do meanwhile. 0 is a seed like any other. Ids, keys and tokens are random in any case.
	Seed uint64

	// OnMessage is called with every entry of the transcript as it happens, for live printing; nil: nobody is told. It must
	// not call the Cloud's Close, and should return soon: the message waits for it.
	OnMessage func(Entry)

	// Logger is told of messages (debug level) and violations (warning level), without addresses, tokens or SDP; nil is silent.
	Logger *slog.Logger
}

const (
	defaultTokenLifetime = time.Hour
	defaultAckTimeout    = 5 * time.Second
)

func (o *CloudOptions) tokenLifetime() time.Duration {
	if o.TokenLifetime > 0 {
		return o.TokenLifetime
	}
	return defaultTokenLifetime
}

func (o *CloudOptions) ackTimeout() time.Duration {
	if o.AckTimeout > 0 {
		return o.AckTimeout
	}
	return defaultAckTimeout
}

func (o *CloudOptions) logger() *slog.Logger {
	if o.Logger != nil {
		return o.Logger
	}
	return slog.New(slog.DiscardHandler)
}
