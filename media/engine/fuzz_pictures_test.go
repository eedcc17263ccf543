package engine

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/alexacall/alexacall/media"
)

// FuzzPictures hands datagrams to a leg of pictures with all feedback, retransmissions and header extensions, linked to another one:
// packets, packets that are sent again, and RTCP. What it says of source 1 is said of ours, and what is said of number 0x0101 of one that
// has gone out.
func FuzzPictures(f *testing.F) {
	e, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = e.Close() })
	m, from := picturesAt(f, e)
	other, _ := picturesAt(f, e)
	for _, way := range [][2]*terminal{{m, other}, {other, m}} {
		if _, ok := way[0].stream(media.Video).Link(way[1].stream(media.Video), nil); !ok {
			f.Fatal("not linked")
		}
	}
	seedPictures(f)
	s, w, video, seq := e.shards[0], newWorker(1), m.stream(media.Video), uint16(0)
	codec := media.VP8()
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 || len(b) >= packetSize {
			return
		}
		seq++
		if err := video.Write(&media.Packet{Codec: &codec, Seq: seq, Time: uint32(seq), Payload: []byte("pictures")}); err != nil {
			t.Fatal(err)
		}
		b = bytes.ReplaceAll(b, []byte{0, 0, 0, 1}, binary.BigEndian.AppendUint32(nil, video.out.ssrc.Load()))
		b = bytes.ReplaceAll(b, []byte{1, 1}, binary.BigEndian.AppendUint16(nil, video.out.rewrite.seq))
		w.now = time.Now().Add(time.Second) // what has gone out may be asked for
		buf := w.in.buf[0][:copy(w.in.buf[0][:], b):packetSize]
		s.mu.RLock()
		s.datagram(w, buf, from, s.remotes.of(from))
		s.mu.RUnlock()
		w.flush()
		m.mend(w.now)
		all := video.Stats()
		if most := (creditFirst+all.Out.Packets)/creditEach + 1; all.Out.Resent > most {
			t.Errorf("%d packets sent again, of %d", all.Out.Resent, all.Out.Packets)
		}
		video.in.mu.Lock()
		missing := len(video.in.missing.list)
		video.in.mu.Unlock()
		if all.In.Repaired > all.In.Packets || all.In.Jitter < 0 || missing > missingMost {
			t.Errorf("%+v, %d missing", all.In, missing)
		}
	})
}

// picturesAt opens a leg of VP8 whose far side is a socket that nobody reads.
func picturesAt(f *testing.F, e *Engine) (*terminal, netip.AddrPort) {
	f.Helper()
	sink, err := listenSocket(netip.MustParseAddrPort("127.0.0.1:0"), 0)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = sink.conn.Close() })
	p := media.VideoPhone()
	p.Audio, p.Video, p.Mux, p.RTX = nil, []media.Codec{media.VP8()}, true, true
	p.Feedback = media.NACK | media.PLI | media.FIR | media.REMB | media.TransportCC
	p.Extensions = []media.Extension{media.TransportSeq, media.Orientation}
	m, err := e.Open(p, nil)
	if err != nil {
		f.Fatal(err)
	}
	_, d, err := media.Negotiation{}.Offer(p, media.Local{ID: 1, Addr: "127.0.0.1", Port: sink.addr.Port()}, nil)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := m.Answer(d, nil); err != nil {
		f.Fatal(err)
	}
	return m.(*terminal), sink.addr
}

// seedPictures adds packets of the formats 96 (VP8) and 97 (its retransmissions) with the header extensions 1 and 2, and feedback.
func seedPictures(f *testing.F) {
	f.Helper()
	for _, number := range []uint8{96, 97} {
		for _, payload := range [][]byte{nil, {1}, {1, 1}, {0, 5, 'p', 'i', 'c'}} {
			p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: number, SequenceNumber: 7, SSRC: 9}, Payload: payload}
			for id, value := range map[uint8][]byte{1: {0, 7}, 2: {3}} {
				if err := p.SetExtension(id, value); err != nil {
					f.Fatal(err)
				}
			}
			b, err := p.Marshal()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	for _, p := range []rtcp.Packet{
		&rtcp.TransportLayerNack{SenderSSRC: 7, MediaSSRC: 1, Nacks: []rtcp.NackPair{{PacketID: 0x0101, LostPackets: 1}}},
		&rtcp.TransportLayerNack{SenderSSRC: 7, MediaSSRC: 1, Nacks: slices.Repeat([]rtcp.NackPair{{PacketID: 0x0101, LostPackets: 1<<16 - 1}}, 250)},
		&rtcp.FullIntraRequest{SenderSSRC: 7, MediaSSRC: 1, FIR: []rtcp.FIREntry{{SSRC: 1, SequenceNumber: 255}}},
		&rtcp.PictureLossIndication{SenderSSRC: 7, MediaSSRC: 1},
		&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 7, Bitrate: 1e6, SSRCs: []uint32{1}},
		&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 7, Bitrate: 0x3ffffp+63, SSRCs: []uint32{1, 1, 2}},
		&rtcp.SenderReport{SSRC: 1, NTPTime: 1},
	} {
		b, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	addCorpora(f, "janus/rtcp_fuzzer", "pjsip/fuzz-rtcp", "pion-rtcp")
}
