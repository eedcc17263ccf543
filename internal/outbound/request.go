package outbound

import (
	"errors"
	"net/http"
	"net/url"
)

// BaseURL parses the address of an API. Its error does not repeat it, and reads on from the name of the field that it came from.
func BaseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("is not an absolute http or https URL")
	}
	return u, nil
}

// NoRedirects returns a client that works as c does, or as the zero http.Client for nil, and gives redirects back as answers: following
// one would carry a token elsewhere.
func NoRedirects(c *http.Client) *http.Client {
	var own http.Client
	if c != nil {
		own = *c
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}
