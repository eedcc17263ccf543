package callback

// NewTransport is for tests, which dial as they like.
var NewTransport = newTransport
