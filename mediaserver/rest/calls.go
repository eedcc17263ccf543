package rest

import (
	"bytes"
	"context"

	"github.com/alexacall/alexacall/internal/peertext"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// maxUnknown is how much of the name of a member is logged, in bytes.
const maxUnknown = 64

// request reads what is asked for.
func (x *exchange) request(op wire.Operation) (*wire.Request, error) {
	data, err := x.document()
	if err != nil {
		return nil, err
	}
	if op == wire.CreateConferenceConnection && len(bytes.TrimSpace(data)) == 0 {
		return &wire.Request{}, nil // the documents have it without a body
	}
	q, unknown, err := wire.ParseRequest(op, data)
	if err != nil {
		return nil, err
	}
	x.note(unknown)
	return q, nil
}

// note logs members that have been passed over.
func (x *exchange) note(unknown []string) {
	x.stats.unknown.Add(uint64(len(unknown)))
	for _, name := range unknown {
		x.log.Info("unknown member", "domain", x.domain, "name", peertext.Printable(name, maxUnknown))
	}
}

// about carries out an operation about a call.
func (x *exchange) about(op wire.Operation, f func(context.Context, *wire.Request) (*wire.Answer, error)) (*wire.Answer, error) {
	q, err := x.request(op)
	if err != nil {
		return nil, err
	}
	ctx, cancel := x.limit()
	defer cancel()
	return f(ctx, q)
}

func placeIVRCall(x *exchange) (*wire.Answer, error) {
	return x.about(wire.PlaceIVRCall, func(ctx context.Context, q *wire.Request) (*wire.Answer, error) {
		p, err := x.calls.Place(ctx, &mediaserver.CallOptions{Destination: q.Destination, Reference: q.Reference})
		if err != nil {
			return nil, err
		}
		return &wire.Answer{SessionID: p.SessionID, ParticipantID: p.ParticipantID, ReplyID: p.ReplyID}, nil
	})
}

func splitConnection(x *exchange) (*wire.Answer, error) {
	return x.about(wire.SplitConnection, func(ctx context.Context, q *wire.Request) (*wire.Answer, error) {
		return &wire.Answer{}, x.calls.Split(ctx, q.ConnectionID, q.ReplyID)
	})
}

func connect(x *exchange) (*wire.Answer, error) {
	return x.about(wire.Connect, func(ctx context.Context, q *wire.Request) (*wire.Answer, error) {
		return &wire.Answer{}, x.calls.Connect(ctx, q.ParticipantID, q.PeerParticipantID, q.ReplyID)
	})
}

func createConference(x *exchange) (*wire.Answer, error) {
	return x.about(wire.CreateConferenceConnection, func(ctx context.Context, q *wire.Request) (*wire.Answer, error) {
		id, err := x.calls.CreateConference(ctx, q.SessionID, q.ReplyID)
		return &wire.Answer{ConnectionID: id}, err
	})
}

func hangupParticipant(x *exchange) (*wire.Answer, error) {
	return x.about(wire.HangupParticipant, func(ctx context.Context, q *wire.Request) (*wire.Answer, error) {
		return &wire.Answer{}, x.calls.HangupParticipant(ctx, q.ParticipantID, q.ReplyID)
	})
}

func startRecording(x *exchange) (*wire.Answer, error) {
	return x.about(wire.StartRecording, func(ctx context.Context, q *wire.Request) (*wire.Answer, error) {
		return &wire.Answer{}, x.calls.StartRecording(ctx, q.ConnectionID, q.ReplyID, q.Filename)
	})
}

func stopRecording(x *exchange) (*wire.Answer, error) {
	return x.about(wire.StopRecording, func(ctx context.Context, q *wire.Request) (*wire.Answer, error) {
		return &wire.Answer{}, x.calls.StopRecording(ctx, q.ConnectionID, q.ReplyID)
	})
}
