package alexatest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// HomeOptions configures [NewHome]. The zero value and nil are valid.
type HomeOptions struct {
	// NoSockets opens no listener: gateway and tokens are reached through [Home.RoundTripper] only. It is meant for testing/synctest,
	// together with ShowOptions.NoMedia.
	NoSockets bool

	// Handle is the skill, as its Lambda function has it: it takes a directive and returns the event that answers it. It must return when
	// ctx ends. nil: directives are posted to URL. See [Home.SetHandle].
	Handle func(ctx context.Context, directive []byte) ([]byte, error)

	// URL is where directives are posted to when there is no Handle, as a forwarding Lambda function would do. See [Home.SetURL].
	URL string

	// Client posts directives to URL; nil: a client of the home's own.
	Client *http.Client

	// TokenLifetime is the life of an access token of Login with Amazon; 0: one hour.
	TokenLifetime time.Duration

	// Faults are in force from the start; see [Home.SetFaults].
	Faults HomeFaults

	// OnMessage is called with every entry of the transcript as it happens; nil: nobody is told. It must not call the home's Close, and
	// should return soon: the message waits for it.
	OnMessage func(HomeEntry)

	// Logger is told of messages (debug level) and violations (warning level), without tokens or SDP; nil is silent.
	Logger *slog.Logger
}

// Home simulates what stands behind a smart-home skill with Alexa.RTCSessionController: the customers' accounts, the event gateway with its
// Login with Amazon, and Echo Shows. It is its first [Account]. It is made by [NewHome]; its methods are safe for concurrent use.
type Home struct {
	*Account

	opts   HomeOptions
	log    *slog.Logger
	start  time.Time
	url    string
	tokens *tokens
	api    *httptest.Server // nil without sockets
	client *http.Client
	own    bool // client is ours

	ctx    context.Context // ends at Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	faults     HomeFaults
	handle     func(context.Context, []byte) ([]byte, error)
	skillURL   string
	accounts   []*Account
	sessions   map[string]*Session // that stand, by id
	awaited    map[string]chan *skillEvent
	entries    []HomeEntry
	violations []string
}

// homeMemoryURL is a home's address when it has no sockets. The top-level domain is reserved for tests (RFC 6761).
const homeMemoryURL = "https://api.amazonalexa.test"

// NewHome starts a home with one account that has linked the skill. Without HomeOptions.NoSockets it listens on a port of 127.0.0.1, for the
// event gateway and for tokens. Options may be nil.
func NewHome(o *HomeOptions) (*Home, error) {
	if o == nil {
		o = &HomeOptions{}
	}
	life := o.TokenLifetime
	if life <= 0 {
		life = defaultTokenLifetime
	}
	h := &Home{
		opts: *o, log: o.Logger, start: time.Now(), url: homeMemoryURL, tokens: newTokens(life), client: o.Client,
		handle: o.Handle, skillURL: o.URL,
		sessions: make(map[string]*Session),
		awaited:  make(map[string]chan *skillEvent),
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	h.SetFaults(o.Faults)
	if h.client == nil {
		h.client = &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 8},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		h.own = true
	}
	if !o.NoSockets {
		api, err := listenLoopback(h.serveAPI, h.log)
		if err != nil {
			return nil, fmt.Errorf("alexatest: %w", err)
		}
		api.Start()
		h.api, h.url = api, api.URL
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.Account = h.NewAccount()
	return h, nil
}

// URL returns the base URL of the event gateway: in place of https://api.amazonalexa.com. Events are posted to its path /v3/events.
func (h *Home) URL() string { return h.url }

// TokenURL returns the URL of the token endpoint: in place of https://api.amazon.com/auth/o2/token.
func (h *Home) TokenURL() string { return h.url + tokenPath }

// ClientID returns the client id of the skill at Login with Amazon, for the codes of [Account.Grant].
func (h *Home) ClientID() string { return h.tokens.id }

// ClientSecret returns the client secret of the skill at Login with Amazon.
func (h *Home) ClientSecret() string { return h.tokens.secret }

// TokenRequests returns how many token requests with that grant_type were received, refused ones included; "" counts all.
func (h *Home) TokenRequests(grantType string) int { return h.tokens.requests(grantType) }

// SetHandle has directives handled by f; nil: they are posted to the URL again.
func (h *Home) SetHandle(f func(ctx context.Context, directive []byte) ([]byte, error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handle = f
}

// SetURL sets where directives are posted to, when there is no function for them.
func (h *Home) SetURL(url string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.skillURL = url
}

// RoundTripper returns an http.RoundTripper that answers requests to the host of [Home.URL] in memory, in the goroutine of the caller;
// requests to other hosts fail. It can be used inside a testing/synctest bubble.
func (h *Home) RoundTripper() http.RoundTripper { return homeTransport{h} }

// Close ends all sessions without telling the skill, closes the listener, and waits until every goroutine of the home has ended. It may be
// called again, and then waits likewise.
func (h *Home) Close() {
	h.mu.Lock()
	h.closed = true
	sessions := make([]*Session, 0, len(h.sessions))
	for _, s := range h.sessions {
		sessions = append(sessions, s)
	}
	h.mu.Unlock()
	for _, s := range sessions {
		s.finish("the home was closed")
	}
	h.cancel()
	if h.api != nil {
		h.api.Close()
	}
	h.wg.Wait()
	if h.own {
		h.client.CloseIdleConnections()
	}
}

// run starts a goroutine that Close joins; false once the home is closed.
func (h *Home) run(f func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.wg.Go(f)
	return true
}
