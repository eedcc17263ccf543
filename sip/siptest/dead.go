package siptest

import (
	"net"

	sipmsg "github.com/emiago/sipgo/sip"
)

// deadConn is the connection to every peer of a phone that is closed. sipgo handles each request in a goroutine of its own and opens a
// new socket when it finds no connection to answer on; nobody would ever close that. It finds this one.
type deadConn struct{ addr net.Addr }

// LocalAddr implements sipmsg.Connection.
func (d deadConn) LocalAddr() net.Addr { return d.addr }

// WriteMsg implements sipmsg.Connection.
func (deadConn) WriteMsg(sipmsg.Message) error { return net.ErrClosed }

// Ref implements sipmsg.Connection.
func (deadConn) Ref(int) int { return 1 }

// TryClose implements sipmsg.Connection.
func (deadConn) TryClose() (int, error) { return 1, nil }

// Close implements sipmsg.Connection.
func (deadConn) Close() error { return nil }

// peer is where a message came from.
type peer struct{ network, addr string }

// meet takes note of where msg came from, before sipgo looks for the connection to answer it on.
func (p *Phone) meet(msg sipmsg.Message) {
	from := peer{network: msg.Transport(), addr: msg.Source()}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.deaf {
		p.bury(from)
		return
	}
	p.peers[from] = struct{}{}
}

// forget gives sipgo a dead connection to all that the phone has met, and will meet.
func (p *Phone) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = true
	for from := range p.peers {
		p.bury(from)
	}
}

// bury gives sipgo a dead connection to one peer. p.mu is held.
func (p *Phone) bury(from peer) {
	if pool := p.tpl.Pool(from.network); pool != nil {
		pool.Add(from.addr, deadConn{addr: net.UDPAddrFromAddrPort(p.addr)})
	}
}
