package callback

import (
	"context"
	"errors"
	"io/fs"

	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// maxFallen is how many sessions may do what a stored fallback says.
const maxFallen = 10_000

// fallen is what a session does that a stored fallback has decided about.
type fallen struct {
	command    *mediaserver.Command // that its IVR will ask for; nil: it has
	connection string               // the IVR's, which hangs up after the command; who talked to it is hung up too
}

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
	a.remember(session, fallen{command: f.Command})
	return &mediaserver.Action{Kind: mediaserver.IVR}
}

// command answers a getIvrCommand by a stored fallback.
func (a *Application) command(e *mediaserver.IVRRequest, m *mediaserver.Command) *mediaserver.Command {
	a.stored.Add(1)
	if m.Hangup {
		a.remember(e.SessionID, fallen{connection: e.ConnectionID})
	}
	return m
}

func (a *Application) remember(session string, f fallen) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.fallen) < maxFallen {
		a.fallen[session] = f
	}
}

// recall returns what a session does that a stored fallback has decided about, once.
func (a *Application) recall(session string) fallen {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.fallen[session]
	delete(a.fallen, session)
	return f
}

// hungUp reports whether an event is that the IVR has left which a stored fallback has had hang up.
func (a *Application) hungUp(e *mediaserver.CallEvent) bool {
	f := a.recall(e.SessionID)
	return f.connection != "" && f.connection == e.ConnectionID && e.Event == mediaserver.CalledPartyDrop
}
