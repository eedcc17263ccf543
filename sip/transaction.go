package sip

import (
	"hash/maphash"
	"strconv"
	"strings"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Timers of RFC 3261 section 17.
const (
	timerT1 = 500 * time.Millisecond
	timerT2 = 4 * time.Second
	timerT4 = 5 * time.Second
	giveUp  = 64 * timerT1 // after which a request without a response, or a response without its ACK, is given up
)

// maxTransactions is how many may be under way at a time. Beyond it requests that begin something get 503, and ours fail. The calls that
// stand have callTransactions more, so that they can be ended in a flood. maxPast is how many more may be kept when they are over.
const (
	maxTransactions  = 50_000
	callTransactions = 10_000
	maxPast          = 400_000
)

// transactions finds the transaction that a message belongs to. Those that are under way belong to the inbox of their call, which finds
// them here; of those that are over little is kept: see transaction_past.go.
type transactions struct {
	mu       sync.Mutex
	server   map[string]*serverTx
	client   map[string]*clientTx
	answered past[*spent]      // server transactions, by the marks of the same keys
	settled  past[*settled]    // INVITEs of ours, likewise
	calls    map[mark]struct{} // INVITEs that have begun calls, by that of mergeKey
	seed     maphash.Seed
}

func newTransactions(over *transport) *transactions {
	t := &transactions{server: map[string]*serverTx{}, client: map[string]*clientTx{}, calls: map[mark]struct{}{}, seed: maphash.MakeSeed()}
	t.answered.unpack = func(b []byte) *spent { return unpackSpent(&unpacker{b, over}) }
	t.answered.forgotten = func(merge mark) { delete(t.calls, merge) }
	t.settled.unpack = func(b []byte) *settled { return unpackSettled(&unpacker{b, over}) }
	return t
}

// mark stands for a key where there are so many that the keys themselves would be what most memory is for, and most of the work of its
// collection. That two keys of 400,000 have one is less likely than 1 in 10^8, and cannot be brought about by who does not know the seed.
type mark uint64

func (t *transactions) mark(key string) mark { return mark(maphash.String(t.seed, key)) }

// serverKey returns what a request's transaction is found under (RFC 3261 section 17.2.3). method stands in place of the request's own:
// INVITE for ACK and for what CANCEL is for. The Call-ID is part of it, for there are senders whose branches are not unique; with its length,
// so that no two calls have a key in common, whatever stands in their fields: a transaction belongs to one inbox.
func serverKey(req *sipmsg.Request, method sipmsg.RequestMethod) string {
	via := req.Via()
	branch, _ := via.Params.Get("branch")
	callID := req.CallID().Value()
	key := make([]byte, 0, 256) // on the stack, for most
	key = strconv.AppendInt(key, int64(len(callID)), 10)
	key = append(append(append(key, ' '), callID...), ' ')
	if id, ok := strings.CutPrefix(branch, sipmsg.RFC3261BranchMagicCookie); !ok || id == "" {
		// RFC 2543: the branch says nothing.
		key = append(append(key, tagOf(req.From().Params)...), ' ')
		key = append(strconv.AppendUint(key, uint64(req.CSeq().SeqNo), 10), ' ')
	}
	key = append(append(key, branch...), ' ')
	key = append(append(key, strings.ToLower(via.Host)...), ' ')
	key = append(strconv.AppendInt(key, int64(via.Port), 10), ' ')
	return string(append(key, method...))
}

// clientKey returns what our request's transaction is found under, by the request or a response (RFC 3261 section 17.1.3). The Call-ID is
// part of it, for a response waits in the inbox of its own: another's must not reach the call.
func clientKey(msg sipmsg.Message) string {
	branch, _ := msg.Via().Params.Get("branch")
	return msg.CallID().Value() + " " + branch + " " + string(msg.CSeq().MethodName)
}

// mergeKey tells an INVITE that has come by two ways, forked by a proxy (RFC 3261 section 8.2.2.2).
func mergeKey(req *sipmsg.Request) string {
	return req.CallID().Value() + " " + tagOf(req.From().Params) + " " + strconv.FormatUint(uint64(req.CSeq().SeqNo), 10)
}

// findServer returns the transaction of a request, or what is kept of it.
func (t *transactions) findServer(key string) (*serverTx, *spent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tx := t.server[key]; tx != nil {
		return tx, nil
	}
	return nil, t.answered.find(t.mark(key))
}

// findClient returns the transaction of a response, or what is kept of it.
func (t *transactions) findClient(key string) (*clientTx, *settled) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tx := t.client[key]; tx != nil {
		return tx, nil
	}
	return nil, t.settled.find(t.mark(key))
}

// full reports whether no more requests can be taken or made, of calls that stand or of others.
func (t *transactions) full(standing bool) bool {
	limit := maxTransactions
	if standing {
		limit += callTransactions
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	live := len(t.server) + len(t.client)
	return live >= limit || live+t.answered.len()+t.settled.len() >= limit+maxPast
}

// counts returns how many transactions there are.
func (t *transactions) counts() (server, client int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.server) + t.answered.len(), len(t.client) + t.settled.len()
}

// begins takes note of an INVITE that begins a call, and reports whether it is the first of its kind.
func (t *transactions) begins(tx *serverTx) bool {
	merge := t.mark(mergeKey(tx.req))
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, twice := t.calls[merge]; twice {
		return false
	}
	t.calls[merge], tx.merge = struct{}{}, merge
	return true
}

// close forgets every transaction. Nothing of them may be under way any more.
func (t *transactions) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, tx := range t.server {
		stopTimer(tx.timer)
	}
	for _, tx := range t.client {
		stopTimer(tx.timer)
	}
	clear(t.server)
	clear(t.client)
	t.answered.close()
	t.settled.close()
}

func stopTimer(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}
