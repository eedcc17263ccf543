package siptest

import (
	"encoding/binary"
	"errors"
	"time"
)

// The RTCP packet types that matter here (RFC 3550 section 12.1).
const (
	rtcpSenderReport = 200
	rtcpSourceItems  = 202
)

// ntpEpoch is 1 January 1970 in seconds of NTP time, which began in 1900.
const ntpEpoch = 2208988800

// ntp returns t as a 64-bit NTP timestamp (RFC 3550 section 4).
func ntp(t time.Time) uint64 {
	fraction := uint64(t.Nanosecond()) << 32 / uint64(time.Second)
	return uint64(t.Unix()+ntpEpoch)<<32 | fraction
}

// report is what a sender report says.
type report struct {
	ssrc      uint32
	sentAt    time.Time
	timestamp uint32 // RTP time of sentAt
	packets   uint32
	octets    uint32
	about     *reception // what arrives of the other side; nil when nothing has
}

// reception is one report block (RFC 3550 section 6.4.1).
type reception struct {
	ssrc     uint32
	fraction uint8 // lost since the last report, in 1/256
	lost     int32 // in all
	highest  uint32
	lastSR   uint32        // middle bits of the NTP time of the last sender report that arrived
	delay    time.Duration // since then
}

// marshal returns a compound of a sender report and the name of the sender, as RFC 3550 section 6.1 asks for at least.
func (r report) marshal() []byte {
	blocks := 0
	if r.about != nil {
		blocks = 1
	}
	b := []byte{0x80 | byte(blocks), rtcpSenderReport}
	b = binary.BigEndian.AppendUint16(b, uint16(6+6*blocks))
	b = binary.BigEndian.AppendUint32(b, r.ssrc)
	b = binary.BigEndian.AppendUint64(b, ntp(r.sentAt))
	b = binary.BigEndian.AppendUint32(b, r.timestamp)
	b = binary.BigEndian.AppendUint32(b, r.packets)
	b = binary.BigEndian.AppendUint32(b, r.octets)
	if a := r.about; a != nil {
		b = binary.BigEndian.AppendUint32(b, a.ssrc)
		b = binary.BigEndian.AppendUint32(b, uint32(a.fraction)<<24|uint32(a.lost)&0xFFFFFF)
		b = binary.BigEndian.AppendUint32(b, a.highest)
		b = binary.BigEndian.AppendUint32(b, 0) // jitter: not measured
		b = binary.BigEndian.AppendUint32(b, a.lastSR)
		b = binary.BigEndian.AppendUint32(b, uint32(a.delay*65536/time.Second))
	}
	const name = "siptest"
	items := binary.BigEndian.AppendUint32(nil, r.ssrc)
	items = append(items, 1, byte(len(name)))
	items = append(items, name...)
	items = append(items, make([]byte, 4-len(items)%4)...) // at least one zero ends the items
	b = append(b, 0x81, rtcpSourceItems)
	b = binary.BigEndian.AppendUint16(b, uint16(len(items)/4))
	return append(b, items...)
}

var errNotRTCP = errors.New("not an RTCP packet")

// parseRTCP checks the compound RTCP packet b and returns the middle bits of the NTP time of the sender report in it, or 0. Reduced
// size packets (RFC 5506) pass as well: a lone feedback packet is RTCP too.
func parseRTCP(b []byte) (lastSR uint32, err error) {
	if len(b) < 8 || len(b) > maxPacket {
		return 0, errNotRTCP
	}
	for len(b) > 0 {
		if len(b) < 4 || b[0]>>6 != 2 || b[1] < 192 || b[1] > 223 {
			return 0, errNotRTCP
		}
		size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		if size > len(b) {
			return 0, errNotRTCP
		}
		if b[1] == rtcpSenderReport {
			if size < 28 {
				return 0, errNotRTCP
			}
			lastSR = uint32(binary.BigEndian.Uint64(b[8:]) >> 16)
		}
		b = b[size:]
	}
	return lastSR, nil
}
