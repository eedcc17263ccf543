package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
)

const maxCalls = 20_000

var errNotOurs = errors.New("callrate: not a call of SIP")

// startGateway starts an agent that joins each call with one that it places, as a program of ours would: with media negotiated on both
// sides, and a relay between them.
func startGateway(to string) (*served, error) {
	e, err := engine.Listen("127.0.0.1:0", &engine.Options{MaxTerminals: 2 * maxCalls})
	if err != nil {
		return nil, err
	}
	a, err := sip.Listen("127.0.0.1:0", e, &sip.Options{
		Network: "udp", MaxCalls: maxCalls,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), // why calls fail
		Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			leg, ok := in.(*sip.Leg)
			if !ok {
				return errNotOurs
			}
			return bridge.To(leg.Agent(), "sip:bob@"+to, nil).Handle(ctx, in)
		}),
	})
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	return &served{
		addr: a.Addr().String(),
		end: func() {
			s := a.Stats()
			fmt.Fprintf(os.Stderr, "callrate: %d calls came in, %d refused, %d of them turned away; %d still stand\n", s.In, s.Refused, s.TurnedAway, s.Standing)
			_ = a.Drain(ended)
		},
		stop: func() {
			_ = a.Close()
			_ = e.Close()
		},
	}, nil
}
