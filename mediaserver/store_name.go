package mediaserver

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Limits of names. A domain's is that of the DNS (RFC 1035 section 2.3.4).
const (
	mostName   = 128
	mostDomain = 253
)

// deviceTable are the names, up to the first dot, that Windows keeps for devices. COM and LPT have a digit more.
var deviceTable = [...]string{"con", "prn", "aux", "nul"}

// checkName returns an error that wraps ErrName if a prompt store does not take a name.
func checkName(name string) error {
	ok := name != "" && len(name) <= mostName && name[0] != '.' && name[len(name)-1] != '.' && !isDevice(name)
	for i := range len(name) {
		ok = ok && isNameByte(name[i])
	}
	if !ok {
		return fmt.Errorf("mediaserver: %w", ErrName)
	}
	return nil
}

func isNameByte(c byte) bool {
	return isAlphanumeric(c) || c == '.' || c == '_' || c == '-'
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isDevice(name string) bool {
	base, _, _ := strings.Cut(strings.ToLower(name), ".")
	if len(base) == 4 && (base[:3] == "com" || base[:3] == "lpt") {
		return '0' <= base[3] && base[3] <= '9'
	}
	return slices.Contains(deviceTable[:], base)
}

// noDomain is the folder of servers that have no domain. No domain has this name.
const noDomain = "_"

// domainFolder returns the name of a domain's folder. The error wraps ErrName.
func domainFolder(domain string) (string, error) {
	if domain == "" {
		return noDomain, nil
	}
	ok := len(domain) <= mostDomain && isAlphanumeric(domain[0]) && isAlphanumeric(domain[len(domain)-1]) && !isDevice(domain)
	for i := range len(domain) {
		ok = ok && (isAlphanumeric(domain[i]) || domain[i] == '.' || domain[i] == '-')
	}
	if !ok {
		return "", fmt.Errorf("mediaserver: domain: %w", ErrName)
	}
	return strings.ToLower(domain), nil
}

// numbered puts something before the extension of a name, which it shortens if it has to.
func numbered(name, with string) string {
	ext := path.Ext(name)
	if len(ext)+len(with) >= mostName {
		ext = ""
	}
	base := strings.TrimSuffix(name, ext)
	return base[:min(len(base), mostName-len(ext)-len(with))] + with + ext
}
