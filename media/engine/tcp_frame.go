package engine

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// frameHead is the size of what stands before a datagram in a stream: its length (RFC 4571 section 2).
const frameHead = 2

var errFrame = errors.New("engine: a frame is longer than any packet")

// readFrame reads the next datagram of a stream into buf, and returns how long it is. buf has room for packetSize.
func readFrame(r *bufio.Reader, buf []byte) (int, error) {
	head, err := r.Peek(frameHead)
	if err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint16(head))
	if n >= packetSize {
		return 0, errFrame
	}
	_, _ = r.Discard(frameHead) // they are there
	_, err = io.ReadFull(r, buf[:n])
	return n, err
}

// appendFrame appends a datagram, which is shorter than packetSize, to a stream.
func appendFrame(stream, b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(stream, uint16(len(b))), b...)
}
