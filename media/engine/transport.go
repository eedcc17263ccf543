package engine

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/alexacall/alexacall/media"
)

// transport is the way of one terminal's packets: the shard whose port its description names, the far side's address, and the keys.
// Sound and pictures of one terminal share it.
type transport struct {
	t      *terminal
	shard  *shard
	secure bool             // nothing is sent or taken before there are keys
	bound  []netip.AddrPort // in the shard's tables, oldest first; guarded by its lock

	// awaited is where the description says that plain RTP comes from, until something has come from there; found says that it has come
	// from elsewhere. The shard's lock guards both, and its reader may clear awaited while it holds the lock for reading.
	awaited netip.AddrPort
	found   bool

	far      atomic.Pointer[netip.AddrPort] // where to send; nil: nowhere
	farRTCP  atomic.Pointer[netip.AddrPort]
	payloads atomic.Pointer[payloads]
	keysIn   atomic.Pointer[srtp.Context] // used by the shard's reader only
	conn     atomic.Pointer[stunConn]     // of the ICE agent
	mux      atomic.Bool                  // RTCP shares RTP's port
	stopped  atomic.Bool                  // connectivity is lost: nothing is sent any more

	outMu   sync.Mutex // guards keysOut, whose context serves streams and reports
	keysOut *srtp.Context
	header  rtp.Header // of the packet being protected, so that it does not allocate
}

// remote returns where to send; ready has said that there is such a place.
func (tr *transport) remote() netip.AddrPort {
	if a := tr.far.Load(); a != nil {
		return *a
	}
	return netip.AddrPort{}
}

// ready reports whether media can be sent.
func (tr *transport) ready() bool { return tr.joined() && !tr.stopped.Load() }

// joined reports whether there is an address and, where they are needed, there are keys.
func (tr *transport) joined() bool {
	return tr.far.Load() != nil && (!tr.secure || tr.keysIn.Load() != nil)
}

// protect encrypts a packet in its place, where the leg is protected. pkt needs room for the tag.
func (tr *transport) protect(pkt []byte) ([]byte, error) {
	if !tr.secure {
		return pkt, nil
	}
	tr.outMu.Lock()
	defer tr.outMu.Unlock()
	return tr.keysOut.EncryptRTP(pkt, pkt, &tr.header)
}

// setKeys installs the keys of a handshake.
func (tr *transport) setKeys(in, out *srtp.Context) {
	tr.outMu.Lock()
	tr.keysOut = out
	tr.outMu.Unlock()
	tr.keysIn.Store(in)
}

// uses reports whether an address is where we send, so that it is the far side's beyond doubt. Before there is such a place every
// address that is bound counts.
func (tr *transport) uses(addr netip.AddrPort) bool {
	far, rtcp := tr.far.Load(), tr.farRTCP.Load()
	return far == nil || *far == addr || rtcp != nil && *rtcp == addr
}

// rtp takes one RTP packet that came from the far side's address.
func (tr *transport) rtp(w *worker, pkt []byte, from netip.AddrPort) {
	table := tr.payloads.Load()
	if table == nil {
		return
	}
	var err error
	n := 0
	if tr.secure {
		keys := tr.keysIn.Load()
		if keys == nil {
			return // before the keys: not counted as bad, for it is usual
		}
		if pkt, err = keys.DecryptRTP(pkt[:0], pkt, &w.header); err == nil {
			n = headerSize(&w.header, pkt)
		}
	} else {
		n, err = w.header.Unmarshal(pkt)
	}
	payload, ok := trimPadding(pkt, n, w.header.Padding)
	if err != nil || !ok || w.header.Version != 2 {
		tr.t.streams[media.Audio].in.bad()
		return
	}
	if from == tr.awaited {
		if tr.found {
			w.latch = append(w.latch, latched{tr, from})
		} else {
			tr.awaited = netip.AddrPort{}
		}
	}
	tr.take(w, table, payload, pkt[n-rtpHeaderSize:n+len(payload)])
}

// take hands the payload to its stream.
func (tr *transport) take(w *worker, table *payloads, payload, room []byte) {
	h, pt := &w.header, table.find(w.header.PayloadType)
	if pt.codec == nil || pt.what == media.Digit && len(payload) < eventSize {
		tr.t.streams[media.Audio].in.unknown()
		return
	}
	if pt.what == media.Digit {
		payload, room = payload[:eventSize], room[:rtpHeaderSize+eventSize]
	}
	w.pkt = media.Packet{
		What: pt.what, Marker: h.Marker, Codec: pt.codec, Seq: h.SequenceNumber, Time: h.Timestamp, Payload: payload,
	}
	pt.stream.arrived(w, &w.pkt, h.SSRC, room)
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
