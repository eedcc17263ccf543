package callback

// NewTransport is for tests, which dial as they like.
var NewTransport = newTransport

// MoveTo has the callbacks go to another host, as if the name of theirs led there.
func (a *Application) MoveTo(host string) { a.targets[0].base.Host = host }
