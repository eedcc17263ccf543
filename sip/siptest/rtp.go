package siptest

import (
	"encoding/binary"
	"errors"
)

// maxPacket is the largest RTP or RTCP packet that is read, in bytes: more than any Ethernet frame holds.
const maxPacket = 2048

// packet is one RTP packet (RFC 3550 section 5.1).
type packet struct {
	payloadType uint8
	marker      bool
	seq         uint16
	timestamp   uint32
	ssrc        uint32
	payload     []byte // aliases what was parsed
}

var errNotRTP = errors.New("not an RTP packet")

// parseRTP returns the RTP packet that b holds. Contributing sources and a header extension are skipped, padding is taken off.
func parseRTP(b []byte) (packet, error) {
	if len(b) < 12 || len(b) > maxPacket || b[0]>>6 != 2 {
		return packet{}, errNotRTP
	}
	p := packet{
		payloadType: b[1] & 0x7F,
		marker:      b[1]&0x80 != 0,
		seq:         binary.BigEndian.Uint16(b[2:]),
		timestamp:   binary.BigEndian.Uint32(b[4:]),
		ssrc:        binary.BigEndian.Uint32(b[8:]),
	}
	start, end := 12+4*int(b[0]&0x0F), len(b)
	if b[0]&0x10 != 0 {
		if start+4 > end {
			return packet{}, errNotRTP
		}
		start += 4 + 4*int(binary.BigEndian.Uint16(b[start+2:]))
	}
	if b[0]&0x20 != 0 {
		padding := int(b[end-1])
		if padding == 0 {
			return packet{}, errNotRTP
		}
		end -= padding
	}
	if start > end {
		return packet{}, errNotRTP
	}
	p.payload = b[start:end]
	return p, nil
}

// appendRTP appends p to b.
func appendRTP(b []byte, p packet) []byte {
	second := p.payloadType & 0x7F
	if p.marker {
		second |= 0x80
	}
	b = append(b, 0x80, second)
	b = binary.BigEndian.AppendUint16(b, p.seq)
	b = binary.BigEndian.AppendUint32(b, p.timestamp)
	b = binary.BigEndian.AppendUint32(b, p.ssrc)
	return append(b, p.payload...)
}

// digitEvent is the payload of a telephone event (RFC 4733 section 2.3).
type digitEvent struct {
	code     uint8
	end      bool
	duration uint16 // in timestamp units, from the packet's timestamp on
}

// digitNames are the digits by event code (RFC 4733 section 3.2).
const digitNames = "0123456789*#ABCD"

// digitVolume is how loud a sent digit says it is, in dB below 1 mW.
const digitVolume = 10

// parseDigit returns the telephone event in payload. Events that are not digits are refused.
func parseDigit(payload []byte) (digitEvent, bool) {
	if len(payload) < 4 || int(payload[0]) >= len(digitNames) {
		return digitEvent{}, false
	}
	return digitEvent{
		code:     payload[0],
		end:      payload[1]&0x80 != 0,
		duration: binary.BigEndian.Uint16(payload[2:]),
	}, true
}

// appendDigit appends the payload of e to b.
func appendDigit(b []byte, e digitEvent) []byte {
	flags := byte(digitVolume)
	if e.end {
		flags |= 0x80
	}
	return binary.BigEndian.AppendUint16(append(b, e.code, flags), e.duration)
}
