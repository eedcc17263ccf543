package sip

import (
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// request makes a REGISTER.
func (r *Registration) request(expires time.Duration) *sipmsg.Request {
	req := r.dialog.request(sipmsg.REGISTER, 0)
	contact := r.contact()
	contact.Params.Add("expires", seconds(expires))
	req.AppendHeader(contact)
	req.AppendHeader(sipmsg.NewHeader("Expires", seconds(expires)))
	req.AppendHeader(sipmsg.NewHeader("Supported", "path")) // RFC 3327: proxies on the way may put themselves into that of our calls
	req.AppendHeader(r.agent.o.said.allow)
	return req
}

// contact returns where calls reach us.
func (r *Registration) contact() *sipmsg.ContactHeader {
	c := r.dialog.contact()
	c.Address.User = r.as.user
	return c
}

// granted returns how long the registrar keeps us (RFC 3261 section 10.2.4): by our Contact among those that it lists, or by the only one,
// as registrars have been seen that list where they see us instead; else by Expires; else it is what was asked for.
func granted(res *sipmsg.Response, own *sipmsg.Uri, asked time.Duration) time.Duration {
	whole := asked
	if res.GetHeader("expires") != nil {
		whole = readSeconds(headerText(res, "expires"))
	}
	var listed []*sipmsg.ContactHeader
	for _, h := range res.GetHeaders("contact") {
		if c, ok := h.(*sipmsg.ContactHeader); ok {
			if sameContact(&c.Address, own) {
				return min(contactLasts(c, whole), maxExpires)
			}
			listed = append(listed, c)
		}
	}
	if len(listed) == 1 {
		whole = contactLasts(listed[0], whole)
	}
	return min(whole, maxExpires)
}

// contactLasts returns the expires parameter of a Contact.
func contactLasts(c *sipmsg.ContactHeader, otherwise time.Duration) time.Duration {
	for _, p := range c.Params {
		if strings.EqualFold(p.K, "expires") {
			return readSeconds(p.V)
		}
	}
	return otherwise
}

// sameContact reports whether a Contact of the registrar's is ours: registrars may change parameters and the letters of the host.
func sameContact(a, b *sipmsg.Uri) bool {
	return a.User == b.User && strings.EqualFold(a.Host, b.Host) && contactPort(a) == contactPort(b)
}

func contactPort(u *sipmsg.Uri) int {
	switch {
	case u.Port != 0:
		return u.Port
	case u.Scheme == "sips":
		return defaultPortOf(networkTLS)
	}
	return defaultPort
}

// readSeconds returns what a text says in seconds; 0 if it says nothing.
func readSeconds(text string) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// serviceRoutes returns the Service-Route values of a response, in their order (RFC 3608). If one of them cannot be used, none is: a call
// that leaves out a part of its way would not arrive.
func serviceRoutes(res *sipmsg.Response) []sipmsg.Uri {
	var routes []sipmsg.Uri
	for _, h := range res.GetHeaders("service-route") {
		for value := range splitAddresses(h.Value()) {
			u, err := parseAddress(strings.TrimSpace(value))
			if err != nil || checkURI(u) != nil || len(routes) == maxRoutes {
				return nil
			}
			routes = append(routes, *u)
		}
	}
	return routes
}
