package engine

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/mdns/v2"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Limits of the names that browsers put in place of their addresses (draft-ietf-mmusic-mdns-ice-candidates).
const (
	maxNames    = 4               // of one description
	maxLookups  = 32              // of all calls at a time
	lookupLimit = 5 * time.Second // for one name
)

var errNames = errors.New("engine: too many names are being looked up, or none can be")

// names finds the addresses behind names of the local network. Its socket is opened with the first name, if ever.
type names struct {
	six bool // look for addresses of IPv6

	mu     sync.Mutex
	conn   *mdns.Conn
	tried  bool
	busy   int
	lookup func(ctx context.Context, name string) (netip.Addr, error) // of conn
}

// resolve asks the local network for the address of a name.
func (n *names) resolve(ctx context.Context, name string) (netip.Addr, error) {
	n.mu.Lock()
	n.open()
	lookup := n.lookup
	if lookup == nil || n.busy == maxLookups {
		n.mu.Unlock()
		return netip.Addr{}, errNames
	}
	n.busy++
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	addr, err := lookup(ctx, name)
	n.mu.Lock()
	n.busy--
	n.mu.Unlock()
	return addr.Unmap(), err
}

// open joins the group, once: where that fails, names are passed over. n.mu is held.
func (n *names) open() {
	if n.tried || n.lookup != nil {
		return
	}
	n.tried = true
	var four *ipv4.PacketConn
	var six *ipv6.PacketConn
	network, group := "udp4", mdns.DefaultAddressIPv4
	if n.six {
		network, group = "udp6", mdns.DefaultAddressIPv6
	}
	at, err := net.ResolveUDPAddr(network, group)
	if err != nil {
		return
	}
	sock, err := net.ListenUDP(network, at)
	if err != nil {
		return
	}
	if n.six {
		six = ipv6.NewPacketConn(sock)
	} else {
		four = ipv4.NewPacketConn(sock)
	}
	n.conn, err = mdns.NewServer(four, six, mdns.WithRecordTypes(dnsmessage.TypeA, dnsmessage.TypeAAAA), mdns.WithCacheRefresh(false),
		mdns.WithIncludeLoopback(true), mdns.WithLoggerFactory(silentLogs{}))
	if err != nil {
		_ = sock.Close()
		return
	}
	n.lookup = func(ctx context.Context, name string) (netip.Addr, error) {
		_, addr, err := n.conn.QueryAddr(ctx, name)
		return addr, err
	}
}

// close leaves the group. There is no lookup any more.
func (n *names) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tried, n.lookup = true, nil
	if n.conn != nil {
		_ = n.conn.Close()
	}
}

// isName reports whether the address of a candidate is a name of the local network: one label, so that nobody has us ask for others.
func isName(address string) bool {
	label, ok := strings.CutSuffix(address, ".local")
	return ok && label != "" && len(label) <= 63 && !strings.ContainsAny(label, ".\x00")
}

// resolve adds a candidate that has a name for its address once that is known. Nobody waits for it; one that is not found is passed over.
// a.mu is held.
func (a *agent) resolve(c ice.Candidate, text string) {
	if a.ctx == nil {
		a.ctx, a.end = context.WithCancel(context.Background())
	}
	if a.ctx.Err() != nil {
		return
	}
	ctx, name := a.ctx, c.Address()
	a.lookups.Go(func() {
		addr, err := a.t.engine.names.resolve(ctx, name)
		if err != nil || !addr.IsValid() || ctx.Err() != nil {
			return
		}
		a.addRemote(strings.Replace(text, name, addr.String(), 1))
	})
}
