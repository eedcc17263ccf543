package alexatest

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// ErrClosed is returned once a Cloud is closed.
var ErrClosed = errors.New("alexatest: the cloud is closed")

// memoryURL is the cloud's address when it has no sockets. The top-level domain is reserved for tests (RFC 6761).
const memoryURL = "https://api.amazonalexa.test"

// Cloud simulates the Alexa service: see the package documentation. It is made by [NewCloud]; its methods are safe for concurrent
// use.
type Cloud struct {
	opts   CloudOptions
	log    *slog.Logger
	start  time.Time
	url    string
	skill  string // its id
	tokens *tokens
	signer *signer

	api, chain *httptest.Server // nil without sockets
	client     *http.Client     // posts events
	own        bool             // client is ours

	ctx    context.Context // ends at Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	faults     Faults
	skillURL   string
	handler    http.Handler
	echoes     map[string]*Echo
	calls      map[string]*Call // by session id
	ended      []string         // ids of ended calls, oldest first
	entries    []*Entry
	draws      draws
	violations []string
}

// NewCloud starts a cloud. Without CloudOptions.NoSockets it listens on two ports of 127.0.0.1: HTTP for tokens and signaling, TLS
// for the signing chain. Options may be nil.
func NewCloud(o *CloudOptions) (*Cloud, error) {
	if o == nil {
		o = &CloudOptions{}
	}
	c := &Cloud{
		opts:    *o,
		log:     o.logger(),
		start:   time.Now(),
		url:     memoryURL,
		skill:   "amzn1.ask.skill." + newUUID(),
		tokens:  newTokens(o.tokenLifetime()),
		client:  o.SkillClient,
		handler: o.SkillHandler,
		echoes:  make(map[string]*Echo),
		calls:   make(map[string]*Call),
	}
	c.SetFaults(o.Faults)
	var err error
	if c.signer, err = newSigner(c.start); err != nil {
		return nil, fmt.Errorf("alexatest: %w", err)
	}
	if c.client == nil {
		c.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
		c.own = true
	}
	if !o.NoSockets {
		if err := c.listen(); err != nil {
			return nil, fmt.Errorf("alexatest: %w", err)
		}
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// URL returns the base URL of the cloud: in place of https://api.amazonalexa.com.
func (c *Cloud) URL() string { return c.url }

// TokenURL returns the URL of the token endpoint: in place of https://api.amazon.com/auth/o2/token.
func (c *Cloud) TokenURL() string { return c.url + tokenPath }

// ClientID returns the client id of the skill at Login with Amazon.
func (c *Cloud) ClientID() string { return c.tokens.id }

// ClientSecret returns the client secret of the skill at Login with Amazon.
func (c *Cloud) ClientSecret() string { return c.tokens.secret }

// RefreshToken returns the refresh token of the account that was linked with the skill. It stays valid.
func (c *Cloud) RefreshToken() string { return c.tokens.first }

// SkillID returns the skill id that every event names.
func (c *Cloud) SkillID() string { return c.skill }

// RootPEM returns the root certificate above the signing chain and above the TLS certificate of [Cloud.ChainAddr].
func (c *Cloud) RootPEM() []byte { return append([]byte(nil), c.signer.ca.rootPEM...) }

// Roots returns a pool with the root of [Cloud.RootPEM] alone.
func (c *Cloud) Roots() *x509.CertPool { return c.signer.roots() }

// ChainAddr returns the host:port to dial in place of s3.amazonaws.com:443. The server there has a certificate for that name. It is
// empty without sockets.
func (c *Cloud) ChainAddr() string {
	if c.chain == nil {
		return ""
	}
	return c.chain.Listener.Addr().String()
}

// SetSkillURL sets where events are posted to, when there is no handler for them.
func (c *Cloud) SetSkillURL(url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skillURL = url
}

// SetSkillHandler has events handled in memory; nil: they are posted to the URL again.
func (c *Cloud) SetSkillHandler(h http.Handler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handler = h
}

// Close ends all calls without telling the skill, closes the listeners, and waits until every goroutine of the cloud has ended. It
// may be called again, and then waits likewise.
func (c *Cloud) Close() {
	c.mu.Lock()
	c.closed = true
	calls := make([]*Call, 0, len(c.calls))
	for _, k := range c.calls {
		calls = append(calls, k)
	}
	c.mu.Unlock()
	for _, k := range calls {
		k.finish("", "the cloud was closed")
	}
	c.cancel()
	for _, s := range []*httptest.Server{c.api, c.chain} {
		if s != nil {
			s.Close()
		}
	}
	c.wg.Wait()
	if c.own {
		c.client.CloseIdleConnections()
	}
}

// run starts a goroutine that Close joins; false once the cloud is closed.
func (c *Cloud) run(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.wg.Go(f)
	return true
}

// listen starts the two servers on loopback.
func (c *Cloud) listen() error {
	var err error
	if c.api, err = listenLoopback(c.serveAPI, c.log); err != nil {
		return err
	}
	if c.chain, err = listenLoopback(c.serveChain, c.log); err != nil {
		return errors.Join(err, c.api.Listener.Close())
	}
	c.chain.TLS = c.signer.serverConfig()
	c.api.Start()
	c.chain.StartTLS()
	c.url = c.api.URL
	return nil
}
