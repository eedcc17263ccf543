package lwa

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// storeVersion is that of the file's format.
const storeVersion = 1

// storeFile is the file of a FileStore.
type storeFile struct {
	Version int                   `json:"version"`
	Grants  map[string]storeGrant `json:"grants"`
}

type storeGrant struct {
	RefreshToken string `json:"refresh_token"`
	Seed         string `json:"seed,omitempty"`
}

// formatStore is the opposite of parseStore.
func formatStore(grants map[string]Grant) ([]byte, error) {
	f := storeFile{Version: storeVersion, Grants: make(map[string]storeGrant, len(grants))}
	for account, g := range grants {
		f.Grants[account] = storeGrant(g)
	}
	data, err := json.MarshalIndent(f, "", "\t")
	return append(data, '\n'), err
}

// parseStore reads a file whole or not at all. The error repeats nothing of it.
func parseStore(data []byte) (map[string]Grant, StoreFault, error) {
	if len(data) > maxStoreFile {
		return nil, StoreCorrupt, errors.New("it is larger than 16 MB")
	}
	var version struct{ Version int }
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, StoreCorrupt, whereOf(err)
	}
	switch {
	case version.Version > storeVersion:
		return nil, StoreNewer, fmt.Errorf("version %d", version.Version)
	case version.Version != storeVersion:
		return nil, StoreCorrupt, errors.New("it has no version")
	}
	var f storeFile
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, StoreCorrupt, whereOf(err)
	}
	if len(f.Grants) > maxAccounts {
		return nil, StoreCorrupt, fmt.Errorf("%d accounts", len(f.Grants))
	}
	grants := make(map[string]Grant, len(f.Grants))
	for account, g := range f.Grants {
		if err := checkAccount(account); err != nil {
			return nil, StoreCorrupt, err
		}
		if err := checkToken("refresh token", g.RefreshToken); err != nil {
			return nil, StoreCorrupt, err
		}
		if g.Seed != "" {
			if err := checkToken("seed", g.Seed); err != nil {
				return nil, StoreCorrupt, err
			}
		}
		grants[account] = Grant(g)
	}
	return grants, 0, nil
}

// whereOf says where JSON is at fault, and not what stands there.
func whereOf(err error) error {
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("no JSON from byte %d on", s.Offset)
	}
	if u, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("a value of another kind before byte %d", u.Offset)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("it breaks off")
	}
	return errors.New("it has a property that is not known")
}

// checkAccount refuses what cannot name an account.
func checkAccount(s string) error {
	if s == "" || len(s) > maxAccount || !utf8.ValidString(s) {
		return fmt.Errorf("an account's name of %d bytes", len(s))
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return errors.New("an account's name with a control character")
		}
	}
	return nil
}
