package alexa

import "net/http"

// FetchChains makes a skill fetch signing certificates through c, since the network that DialContext would need does not run under fake
// time.
func (k *Skill) FetchChains(c *http.Client) {
	k.init()
	k.verifier.HTTPClient = c
}

// ChainDialer returns what a verifier connects to an address with, in place of DialContext.
var ChainDialer = chainDialer
