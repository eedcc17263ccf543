package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/sip"
)

// A room is a conference that is being made, as the documents do it: the first party calls one after the other, each of whom is then parked
// with an IVR, and at last all are moved to the conference.
type room struct {
	server *mediaserver.Server
	to     string
	size   int

	mu     sync.Mutex
	called int                  // parties so far
	parked []mediaserver.Notice // their connections with IVRs
	id     string               // of the conference, once it is made
	ready  chan struct{}        // closed when all are in it
	joined int
	over   chan struct{}
}

func (r *room) next() *mediaserver.Action {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.called++
	return &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: fmt.Sprintf("sip:m%d@%s", r.called, r.to)}}
}
