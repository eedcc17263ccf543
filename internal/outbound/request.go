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

// NoRedirects returns a client that works as c does, or as the zero http.Client for nil, and gives redirects back as answers, without
// where they point: following one would carry a token elsewhere.
func NoRedirects(c *http.Client) *http.Client {
	var own http.Client
	if c != nil {
		own = *c
	}
	if own.Transport == nil {
		own.Transport = http.DefaultTransport
	}
	own.Transport = unredirected{own.Transport}
	return &own
}

// unredirected takes Location off redirects. A CheckRedirect comes too late: before it, http.Client repeats a Location that is no URL in
// an error, whatever it holds and however long it is.
type unredirected struct{ http.RoundTripper }

func (u unredirected) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := u.RoundTripper.RoundTrip(r)
	if err == nil && resp.StatusCode/100 == 3 {
		resp.Header.Del("Location")
	}
	return resp, err
}
