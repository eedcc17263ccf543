package alexa

import (
	"net/url"
	"strings"
)

const (
	chainHost   = "s3.amazonaws.com"
	chainPath   = "/echo.api/"
	maxChainURL = 1024
)

// chainURL checks a SignatureCertChainUrl and returns it in one normal form, made anew
// from its parts, so that what is fetched and what is checked cannot differ.
//
// Amazon's rules: scheme https and host s3.amazonaws.com in any letter case, port absent
// or 443, and a path that, with its dot segments resolved, begins with /echo.api/ in
// exactly this case. Query and fragment are left out: Amazon uses none, and the file is
// the same without.
func chainURL(raw string) (string, error) {
	bad := func(text string) (string, error) { return "", refuse(ReasonChainURL, text) }
	if len(raw) > maxChainURL {
		return bad("longer than any of Amazon's")
	}
	// Letters outside ASCII may fold to ones inside it, and browsers take a backslash
	// for a slash.
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }) {
		return bad("has characters that no URL of Amazon's has")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return bad("malformed")
	}
	switch {
	case u.Scheme != "https":
		return bad("scheme is not https")
	case u.User != nil || u.Opaque != "" || strings.ToLower(u.Hostname()) != chainHost:
		return bad("host is not " + chainHost)
	case u.Port() != "" && u.Port() != "443":
		return bad("port is not 443")
	}
	path, ok := resolveDots(u.Path)
	if !ok || !strings.HasPrefix(path, chainPath) {
		return bad("path is not below " + chainPath)
	}
	return (&url.URL{Scheme: "https", Host: chainHost, Path: path}).String(), nil
}

// resolveDots removes the dot segments of a decoded path, as RFC 3986 section 5.2.4
// does for an encoded one; decoding first leaves no way to write them differently. It
// refuses empty segments and what is not printable ASCII, which have no fixed meaning.
func resolveDots(path string) (string, bool) {
	if !strings.HasPrefix(path, "/") {
		return "", false
	}
	var out []string
	for segment := range strings.SplitSeq(path[1:], "/") {
		switch segment {
		case "":
			return "", false
		case ".":
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		default:
			if strings.ContainsFunc(segment, func(r rune) bool { return r < ' ' || r >= 0x7f || r == '\\' }) {
				return "", false
			}
			out = append(out, segment)
		}
	}
	return "/" + strings.Join(out, "/"), true
}
