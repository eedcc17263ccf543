//go:build !(linux && (amd64 || arm64))

package engine

import "net/netip"

// batchIO has nothing to keep where one system call carries one datagram.
type batchIO struct{}

// read waits for a datagram and returns how many there are.
func (b *inBatch) read(s *socket) (int, error) {
	n, from, err := s.conn.ReadFromUDPAddrPort(b.buf[0][:])
	if err != nil {
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
			o.lost++
		}
	}
}
