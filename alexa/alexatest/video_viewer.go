package alexatest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

const (
	// viewerTick is how often the viewer looks at what is missing.
	viewerTick = 20 * time.Millisecond
	// nackEvery and nackTries are how often a packet is asked for.
	nackEvery = 60 * time.Millisecond
	nackTries = 8
	// patience is how long a picture waits for a packet, hurry the same for a viewer that cannot ask for it.
	patience = 600 * time.Millisecond
	hurry    = 60 * time.Millisecond
	// keyEvery is the least time between two requests for a key frame, keyFirst how long the first picture may take before one is sent.
	keyEvery = 400 * time.Millisecond
	keyFirst = time.Second
	// maxHeld is how many packets wait for a missing one, and the longest gap in the sequence.
	maxHeld = 2048
)

// viewer is the Show's receiver of video. It lies below pion's tracks, so that it needs no declared SSRC, and it does itself what a
// WebRTC receiver does: it reorders, asks for what is lost, gives up in time, and asks for a key frame.
type viewer struct {
	opts *ShowOptions
	own  uint32
	send func(...rtcp.Packet)

	mu       sync.Mutex
	v        Video
	changed  chan struct{} // closed and replaced when a frame was shown
	formats  map[uint8]bool
	far      uint32 // SSRC; 0: not known
	chance   *rand.Rand
	started  bool
	next     int64 // of the sequence, unwrapped
	highest  int64
	held     map[int64]*rtp.Packet
	missing  map[int64]*gap
	pictures assembler
	keyAsked time.Time
	firs     uint8
}

// gap is a packet that has not arrived.
type gap struct {
	since, asked time.Time
	tries        int
}

func newViewer(o *ShowOptions, own uint32, send func(...rtcp.Packet)) *viewer {
	return &viewer{
		opts: o, own: own, send: send, changed: make(chan struct{}), formats: make(map[uint8]bool),
		chance: rand.New(rand.NewPCG(o.Seed, 0)),
		held:   make(map[int64]*rtp.Packet), missing: make(map[int64]*gap),
	}
}

// learn sets what is received.
func (w *viewer) learn(formats []uint8, ssrc uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, pt := range formats {
		w.formats[pt] = true
	}
	w.far = ssrc
}

// take takes one RTP packet as it came out of SRTP; raw is not retained.
func (w *viewer) take(raw []byte) {
	p := &rtp.Packet{}
	if p.Unmarshal(append([]byte(nil), raw...)) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.formats[p.PayloadType] {
		return
	}
	if w.opts.Loss > 0 && w.chance.Float64() < w.opts.Loss {
		w.v.Dropped++
		return
	}
	now := time.Now()
	if w.v.Packets == 0 {
		w.v.First = now
	}
	w.v.Packets++
	w.v.Bytes += len(p.Payload)
	w.place(p, now)
	w.advance(now)
}

// place puts a packet where it belongs in the sequence.
func (w *viewer) place(p *rtp.Packet, now time.Time) {
	if !w.started || p.SSRC != w.far {
		if w.started { // a new source: what was before is over
			w.pictures.hole()
		}
		w.started, w.far = true, p.SSRC
		w.next, w.highest = int64(p.SequenceNumber), int64(p.SequenceNumber)-1
		clear(w.held)
		clear(w.missing)
	}
	seq := w.highest + int64(int16(p.SequenceNumber-uint16(w.highest)))
	switch {
	case seq < w.next:
		return // seen, or given up
	case seq-w.highest > maxHeld:
		w.v.Lost += len(w.missing)
		clear(w.held)
		clear(w.missing)
		w.pictures.hole()
		w.next, w.highest = seq, seq-1
	}
	if w.missing[seq] != nil {
		delete(w.missing, seq)
		w.v.Recovered++
	}
	for ; w.highest < seq; w.highest++ {
		if at := w.highest + 1; at != seq {
			w.missing[at] = &gap{since: now}
		}
	}
	w.held[seq] = p
}

// advance passes on what stands in line, and gives up what is missing for too long.
func (w *viewer) advance(now time.Time) {
	limit := patience
	if w.opts.NoNACK {
		limit = hurry
	}
	for {
		if p := w.held[w.next]; p != nil {
			delete(w.held, w.next)
			w.show(w.pictures.take(p))
		} else if g := w.missing[w.next]; g != nil && (now.Sub(g.since) >= limit || len(w.held) > maxHeld) {
			delete(w.missing, w.next)
			w.v.Lost++
			w.pictures.hole()
		} else {
			return
		}
		w.next++
	}
}

// show counts frames, and keeps those that can be decoded.
func (w *viewer) show(frames []frame) {
	for _, f := range frames {
		if w.v.Frames+w.v.Skipped == 0 {
			w.v.FirstKey = f.key
		}
		if !f.shown {
			w.v.Skipped++
			continue
		}
		if w.v.Frames == 0 {
			w.v.FirstFrame = time.Now()
		}
		w.v.Frames++
		if f.key {
			w.v.KeyFrames++
		}
		if len(w.v.H264)+len(f.data) <= maxVideo {
			w.v.H264 = append(w.v.H264, f.data...)
		}
		close(w.changed)
		w.changed = make(chan struct{})
	}
}

// watch asks for what is missing until done ends. up is closed when packets can be sent.
func (w *viewer) watch(up, done <-chan struct{}) {
	select {
	case <-up:
	case <-done:
		return
	}
	began, remb := time.Now(), time.Time{}
	ticker := time.NewTicker(viewerTick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-done:
			return
		}
		now := time.Now()
		packets := w.ask(now, began)
		if w.opts.REMB > 0 && now.Sub(remb) >= time.Second {
			if p := w.estimate(); p != nil {
				remb, packets = now, append(packets, p)
			}
		}
		if len(packets) > 0 {
			w.send(packets...)
		}
	}
}

// ask returns the messages that are due.
func (w *viewer) ask(now, began time.Time) []rtcp.Packet {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(now)
	if w.far == 0 {
		return nil
	}
	var out []rtcp.Packet
	if !w.opts.NoNACK {
		var numbers []uint16
		for seq, g := range w.missing {
			if g.tries < nackTries && now.Sub(g.asked) >= nackEvery && now.Sub(g.since) >= viewerTick/2 {
				g.asked = now
				g.tries++
				numbers = append(numbers, uint16(seq))
			}
		}
		if len(numbers) > 0 {
			w.v.NACKs += len(numbers)
			out = append(out, &rtcp.TransportLayerNack{
				SenderSSRC: w.own, MediaSSRC: w.far, Nacks: nackPairs(numbers),
			})
		}
	}
	late := w.v.Packets == 0 && now.Sub(began) >= keyFirst
	if (late || w.pictures.wantKey) && now.Sub(w.keyAsked) >= keyEvery {
		w.keyAsked = now
		if w.opts.FIR {
			w.firs++
			w.v.FIRs++
			out = append(out, &rtcp.FullIntraRequest{
				SenderSSRC: w.own, FIR: []rtcp.FIREntry{{SSRC: w.far, SequenceNumber: w.firs}},
			})
		} else {
			w.v.PLIs++
			out = append(out, &rtcp.PictureLossIndication{SenderSSRC: w.own, MediaSSRC: w.far})
		}
	}
	return out
}

func (w *viewer) estimate() rtcp.Packet {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.far == 0 {
		return nil
	}
	w.v.REMBs++
	return &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: w.own, Bitrate: float32(w.opts.REMB), SSRCs: []uint32{w.far}}
}

// video returns a copy.
func (w *viewer) video() Video {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.v
	v.H264 = append([]byte(nil), v.H264...)
	return v
}

// wait returns when that many frames were shown, or ctx or done ended.
func (w *viewer) wait(ctx context.Context, done <-chan struct{}, frames int) error {
	for {
		w.mu.Lock()
		shown, changed := w.v.Frames, w.changed
		w.mu.Unlock()
		if shown >= frames {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("alexatest: saw %d frames of %d: %w", shown, frames, ctx.Err())
		case <-done:
			return fmt.Errorf("alexatest: saw %d frames of %d: %w", shown, frames, ErrEnded)
		}
	}
}
