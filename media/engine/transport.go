package engine

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"github.com/alexacall/alexacall/media"
)

// transport is the way of a terminal's packets: the shard whose port its description names, and the far side's address. Sound and
// pictures of one terminal share it, unless the far side takes them at two addresses.
type transport struct {
	t         *terminal
	home      atomic.Pointer[shard]
	described *plainFar        // by the far side's last description; nil: nowhere; guarded by the terminal's lock
	bound     []netip.AddrPort // in the shard's tables, oldest first; guarded by its lock
	sources   *sources         // of the far side, nil: it has named none; guarded by the shard's lock
	crowd     *crowd           // not nil: this is no transport, but stands in a table for several

	// awaited is where the description says that plain RTP comes from, until something has come from there; found says that it has come
	// from elsewhere, when newest was the last terminal that there was. The shard's lock guards them, and its reader may clear awaited
	// while it holds the lock for reading.
	awaited  netip.AddrPort
	newest   uint64
	found    bool
	reopened bool // awaited is where it came from before the last description; guarded as that

	listed listed     // where the latch waits for it, and which guards that
	healed *time.Time // when the source was last found elsewhere, nil: never; guarded by the shard's lock

	via      atomic.Pointer[base]           // what to send by; nil: the shard's port
	far      atomic.Pointer[netip.AddrPort] // where to send; nil: nowhere
	farRTCP  atomic.Pointer[netip.AddrPort]
	payloads atomic.Pointer[payloads]
	conn     atomic.Pointer[stunConn] // of the ICE agent
	tcp      *tcpLinks                // likewise; nil without one
	mediaAt  atomic.Int64             // when media has come from far, in nanoseconds; of a lite agent's only
	attested int64                    // up to when the agent knows of that
	mux      atomic.Bool              // RTCP shares RTP's port
	stopped  atomic.Bool              // connectivity is lost: nothing is sent any more
}

func newTransport(t *terminal, home *shard) *transport {
	tr := &transport{t: t}
	tr.home.Store(home)
	return tr
}

// shard returns the pair of ports that the transport's packets come to and go out from.
func (tr *transport) shard() *shard { return tr.home.Load() }

// remote returns where to send; ready has said that there is such a place.
func (tr *transport) remote() netip.AddrPort {
	if a := tr.far.Load(); a != nil {
		return *a
	}
	return netip.AddrPort{}
}

// ready reports whether media can be sent, as far as the way goes.
func (tr *transport) ready() bool { return tr.far.Load() != nil && !tr.stopped.Load() }

// uses reports whether an address is where we send by the shard's port, so that it is the far side's beyond doubt. Before there is such a place every
// address that is bound counts.
func (tr *transport) uses(addr netip.AddrPort) bool {
	far, rtcp := tr.far.Load(), tr.farRTCP.Load()
	if far != nil && tr.via.Load() != nil {
		return false
	}
	return far == nil || *far == addr || rtcp != nil && *rtcp == addr
}

// rtp takes one RTP packet that came from the far side's address.
func (tr *transport) rtp(w *worker, pkt []byte, from netip.AddrPort) {
	table := tr.payloads.Load()
	if table == nil {
		return
	}
	var err error
	n, s := 0, table.of(pkt)
	if c := s.crypt.Load(); c != nil {
		if !c.ready() {
			return // before the keys: not counted as bad, for it is usual
		}
		if pkt, err = c.open(w, pkt); err != nil {
			s.in.drop(tr.t.engine.refusal(err), w.now)
			return
		}
		n = headerSize(&w.header, pkt)
	} else {
		n, err = w.header.Unmarshal(pkt)
	}
	payload, ok := trimPadding(pkt, n, w.header.Padding)
	if err != nil || !ok || w.header.Version != 2 {
		s.in.drop(refusedBad, w.now)
		return
	}
	tr.lively(from, w.now)
	if from == tr.awaited {
		if tr.found {
			w.latch = append(w.latch, latched{tr: tr, from: from})
		} else {
			tr.awaited = netip.AddrPort{}
		}
	}
	if table.recording != nil {
		table.recording.take(&w.header, table.recording.id, w.now)
	}
	tr.take(w, table, payload, pkt[n-rtpHeaderSize:n+len(payload)])
}

// take hands the payload to its stream.
func (tr *transport) take(w *worker, table *payloads, payload, room []byte) {
	h, pt := &w.header, table.find(w.header.PayloadType)
	if pt == nil || pt.what == media.Digit && len(payload) < eventSize {
		table.main().in.drop(refusedUnknown, w.now)
		return
	}
	if pt.what == media.Digit {
		payload, room = payload[:eventSize], room[:rtpHeaderSize+eventSize]
	}
	w.pkt = media.Packet{
		What: pt.what, Marker: h.Marker, Codec: pt.codec, Seq: h.SequenceNumber, Time: h.Timestamp, Payload: payload,
	}
	if pt.extra != 0 {
		w.pkt.Extra = extraOf(h, pt.extra, pt.kind)
	}
	if pt.repair {
		table.stream(pt).resent(w, &w.pkt, room)
		return
	}
	table.stream(pt).arrived(w, &w.pkt, h.SSRC, room)
}

// headerSize returns the length of a header that has been parsed already.
func headerSize(h *rtp.Header, pkt []byte) int {
	n := rtpHeaderSize + 4*len(h.CSRC)
	if h.Extension {
		n += 4 + 4*(int(pkt[n+2])<<8|int(pkt[n+3]))
	}
	return n
}

// trimPadding returns the payload after the header, without padding (RFC 3550 section 5.1).
func trimPadding(pkt []byte, header int, padded bool) ([]byte, bool) {
	if header < rtpHeaderSize || header > len(pkt) {
		return nil, false
	}
	end := len(pkt)
	if padded {
		if end == header || pkt[end-1] == 0 {
			return nil, false
		}
		end -= int(pkt[end-1])
	}
	if end < header {
		return nil, false
	}
	return pkt[header:end], true
}
