package main

import (
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"path"

	"github.com/alexacall/alexacall/mediaserver/callback"
)

const (
	greeting     = "greeting.wav" // in the media server's prompt store
	bodyLimit    = 64 << 10       // bytes of a callback
	patience     = 5              // seconds for a key
	receptionKey = "1"            // for who presses nothing, too
)

// application answers the callbacks of a media server. Its state is in what it is asked: who has pressed a key is sent on.
type application struct {
	departments map[string]string     // addresses, by the keys that reach them
	keys        []*rsa.PublicKey      // with one of which callbacks have to be signed
	told        func(what, of string) // of each callback: its name, and of what it tells; nil: nobody
}

// asked is what is read of a callback: its names are those of the media server's documents.
type asked struct {
	Event      string `json:"event"`
	DTMFParams *struct {
		DTMFMatch string `json:"dtmfMatch"`
	} `json:"dtmfParams"`
}

// An object of JSON.
type object map[string]any

// ServeHTTP implements http.Handler.
func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		http.Error(w, "a callback has at most 64 KiB", http.StatusRequestEntityTooLarge)
		return
	}
	if callback.Verify(r, body, "", a.keys...) != nil {
		http.Error(w, "a callback is signed", http.StatusUnauthorized)
		return
	}
	var in asked
	if err := json.Unmarshal(body, &in); err != nil {
		http.Error(w, "a callback is JSON", http.StatusBadRequest)
		return
	}
	name := path.Base(r.URL.Path)
	if a.told != nil {
		a.told(name, in.Event)
	}
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	_ = json.NewEncoder(w).Encode(a.answer(name, &in)) // who has gone does not need it
}

// answer is what the media server is to do.
func (a *application) answer(name string, in *asked) object {
	switch name {
	case "newCall":
		return object{"action": "ivr"}
	case "callEvent": // somebody has left, and the other one is let go
		return object{"action": "drop"}
	case "getIvrCommand":
		if in.DTMFParams == nil {
			return a.greets()
		}
		to, ok := a.departments[in.DTMFParams.DTMFMatch]
		switch {
		case ok:
			return object{"action": "call", "destAddr": to}
		case in.DTMFParams.DTMFMatch == "": // nothing was pressed in time
			return object{"action": "call", "destAddr": a.departments[receptionKey]}
		}
		return a.greets()
	}
	return object{} // it only tells
}

// greets has the media server play the greeting and wait for a key, which cuts it short.
func (a *application) greets() object {
	return object{
		"phrases": []object{{"format": "file", "fileName": greeting}},
		"bargeIn": "all",
		"dtmf":    object{"maxDigits": 1, "timeout": patience},
	}
}
