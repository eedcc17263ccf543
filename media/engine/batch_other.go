//go:build !(linux && (amd64 || arm64)) || alexacall_portable

package engine

import (
	"errors"
	"net/netip"
	"syscall"
)

// Errors of Windows that concern one datagram and not the socket: it is longer than the buffer, or one of ours was not taken where it
// went. Elsewhere no error has these numbers.
const (
	wsaMsgSize   = syscall.Errno(10040)
	wsaNetReset  = syscall.Errno(10052)
	wsaConnReset = syscall.Errno(10054)
)

// batchIO has nothing to keep where one system call carries one datagram.
type batchIO struct{}

func newBatchIO(int) batchIO { return batchIO{} }

// read waits for a datagram and returns how many there are.
func (b *inBatch) read(s *socket) (int, error) {
	n, from, err := s.conn.ReadFromUDPAddrPort(b.buf[0][:])
	switch {
	case err == nil:
	case errors.Is(err, wsaMsgSize):
		n = packetSize
	case errors.Is(err, wsaNetReset), errors.Is(err, wsaConnReset):
		return 0, nil
	default:
		return 0, err
	}
	b.data[0] = b.buf[0][:n:packetSize]
	b.from[0] = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	return 1, nil
}

// send sends the batch.
func (o *outBatch) send() {
	for i := range o.n {
		if o.sock.writeTo(o.data[i], o.to[i]) != nil {
			o.refused(i)
		}
	}
}

// datagrams has nothing to keep where the runtime sends.
type datagrams struct{}

// writeTo sends one datagram. It does not block for long: what the kernel has no room for waits for it.
func (s *socket) writeTo(b []byte, to netip.AddrPort) error {
	_, err := s.conn.WriteToUDPAddrPort(b, to)
	if errors.Is(err, syscall.EMSGSIZE) {
		err = s.writeCut(b, to)
	}
	return err
}
