package callback

import (
	"context"
	"errors"
	"io/fs"

	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// maxFallen is how many sessions may be on their way from a newCall that a stored fallback has answered to its command.
const maxFallen = 10_000

// fallback returns what is stored for a number, or nil.
func (a *Application) fallback(ctx context.Context, domain, number string) *wire.Fallback {
	if a.o.Fallbacks == nil || CheckNumber(number) != nil {
		return nil
	}
	f, err := a.o.Fallbacks.Get(ctx, domain, number)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			a.log.Warn("fallback store failed", "err", err)
		}
		return nil
	}
	return f
}

// fall answers a newCall by a stored fallback.
func (a *Application) fall(session string, f *wire.Fallback) *mediaserver.Action {
	a.stored.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.fallen) < maxFallen {
		a.fallen[session] = f.Command
	}
	return &mediaserver.Action{Kind: mediaserver.IVR}
}

// land returns the command of a session whose newCall a stored fallback has answered, once, or nil.
func (a *Application) land(session string) *mediaserver.Command {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := a.fallen[session]
	delete(a.fallen, session)
	return m
}
