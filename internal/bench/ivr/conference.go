package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/alexacall/alexacall/mediaserver"
)

const (
	conferBegins = time.Minute      // for all to be in their conferences
	conferLasts  = 20 * time.Second // that are measured
)

// A room is a conference that is being made as the documents do it: the first party calls one after the other, each of whom is parked with an
// IVR meanwhile, and at last all are moved to the conference.
type room struct {
	server *mediaserver.Server
	to     string // where the members are
	size   int
	full   chan struct{} // closed when all are in it

	mu     sync.Mutex
	first  string               // the participant who calls
	called int                  // of the others
	parked []mediaserver.Notice // connections with IVRs
	talks  int                  // of the first one with another, so far
	talk   mediaserver.Notice   // the last of them
	id     string               // of the conference, once all have been called
	joined int
}

// confer makes rooms of a size, measures what they take, and ends them.
func confer(server *mediaserver.Server, app *attendant, to string, rooms, size int, began time.Time) (conferred, error) {
	ctx, cancel := context.WithTimeout(context.Background(), conferBegins)
	defer cancel()
	var all []*mediaserver.Placed
	got := conferred{}
	var full []*room
	for n := range rooms {
		reference := fmt.Sprintf("room %d of %d", n, size)
		r := &room{server: server, to: to, size: size, full: make(chan struct{})}
		app.rooms.Store(reference, r)
		placed, err := server.Place(ctx, &mediaserver.CallOptions{
			Destination: mediaserver.Destination{Addr: "sip:m@" + to}, Reference: reference,
		})
		if err != nil {
			got.Lost += size
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		all, full = append(all, placed), append(full, r)
	}
	for _, r := range full {
		select {
		case <-r.full:
		case <-ctx.Done():
			r.mu.Lock()
			got.Lost += size - r.joined
			r.mu.Unlock()
		}
	}
	before, err := used(began)
	time.Sleep(conferLasts)
	after, failed := used(began)
	got.Share = after.since(before)
	for i, r := range full {
		r.end(all[i])
	}
	return got, errors.Join(err, failed)
}

// end hangs up all members.
func (r *room) end(placed *mediaserver.Placed) {
	for n := 1; n < 4*r.size; n++ {
		_ = r.server.HangupParticipant(context.Background(), fmt.Sprintf("%s-p%d", placed.SessionID, n), placed.ReplyID)
	}
}

// call calls the next member.
func (r *room) call() *mediaserver.Action {
	r.called++
	return &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: "sip:m@" + r.to}}
}

// command has the first one call, and the others wait.
func (r *room) command() *mediaserver.Command {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.called == 0 {
		return &mediaserver.Command{Call: r.call()}
	}
	return &mediaserver.Command{After: time.Hour}
}

// event says what becomes of whoever a split leaves alone.
func (r *room) event(e *mediaserver.CallEvent) *mediaserver.Action {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case e.Event != mediaserver.CallerConnectionSplit && e.Event != mediaserver.CalleeConnectionSplit, e.User == "":
		return &mediaserver.Action{Kind: mediaserver.Drop}
	case r.id != "":
		return &mediaserver.Action{Kind: mediaserver.JoinConference, ConnectionID: r.id}
	case e.ParticipantID == r.first:
		return r.call()
	}
	return &mediaserver.Action{Kind: mediaserver.IVR}
}

// told goes on as the members come.
func (r *room) told(n *mediaserver.Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch n.Kind { //nolint:exhaustive // the others change nothing
	case mediaserver.Answered:
		switch {
		case r.first == "":
			r.first = n.CallerID
		case n.CallerID == r.first:
			r.talks++
			r.talk = *n
			if r.called < r.size-1 {
				r.split(r.talk)
			}
		default:
			r.parked = append(r.parked, *n)
		}
		if r.talks == r.size-1 && len(r.parked) == r.size-2 && r.id == "" {
			r.gather(n)
		}
	case mediaserver.ConferenceJoined:
		if r.joined++; r.joined == r.size {
			close(r.full)
		}
	case mediaserver.Failed:
		fmt.Fprintln(os.Stderr, "ivr: a member has not answered:", n.Err)
	}
}

// gather moves all into a conference, once the last of them talks and the others are parked.
func (r *room) gather(n *mediaserver.Notice) {
	id, err := r.server.CreateConference(context.Background(), n.SessionID, n.ReplyID)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	r.id = id
	r.split(r.talk)
	for _, c := range r.parked {
		r.split(c)
	}
}

func (r *room) split(c mediaserver.Notice) {
	if err := r.server.Split(context.Background(), c.ConnectionID, c.ReplyID); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
