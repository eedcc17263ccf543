package sip

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Timers of RFC 3261 section 17. sipgo's own are package variables; what it waits for inside its transactions follows those.
const (
	timerT1 = 500 * time.Millisecond
	timerT2 = 4 * time.Second
	timerT4 = 5 * time.Second
	giveUp  = 64 * timerT1 // after which a request without a response, or a response without its ACK, is given up
)

// maxTransactions is how many may be there at a time. Beyond it requests that begin something get 503, and ours fail. The calls that
// stand have callTransactions more, so that they can be ended in a flood.
const (
	maxTransactions  = 50_000
	callTransactions = 10_000
)

// transactions finds the transaction that a message belongs to. The state machines are sipgo's.
type transactions struct {
	mu     sync.Mutex
	server map[string]*serverTx
	client map[string]*clientTx
	acks   map[string]*lateACK   // to refusals of INVITEs of ours, by the client transaction's key
	calls  map[mergeKey]struct{} // INVITEs that begin calls
}

func newTransactions() *transactions {
	return &transactions{
		server: map[string]*serverTx{}, client: map[string]*clientTx{}, acks: map[string]*lateACK{}, calls: map[mergeKey]struct{}{},
	}
}

// serverTx is a request of a peer's with our responses to it. Its methods are called in the call's inbox.
type serverTx struct {
	req       *sipmsg.Request
	from      conn // that it came by
	fsm       *sipmsg.ServerTx
	final     int              // status of our final response; 0: none yet
	cancelled *sipmsg.Response // our response to CANCEL, to repeat
	acked     bool             // an ACK to our refusal has come
	confirmed func()           // called once when the ACK to our refusal of an INVITE has come; may be nil
	leg       *Leg             // of an INVITE
}

// clientTx is a request of ours. Its handler is called in the call's inbox: once for each response that is no repetition, for each
// repeated 2xx to an INVITE, and once with an error if the transaction ends without a final response.
type clientTx struct {
	req    *sipmsg.Request
	way    conn
	fsm    *sipmsg.ClientTx
	final  int         // status of the final response; 0: none yet
	over   atomic.Bool // nothing more is to be told
	handle func(*sipmsg.Response, error)
}

// mergeKey tells an INVITE that has come by two ways, forked by a proxy (RFC 3261 section 8.2.2.2).
type mergeKey struct {
	callID, tag string
	seq         uint32
}

// serverKey returns what a request's transaction is found under (RFC 3261 section 17.2.3). method stands in place of the request's own:
// INVITE for ACK and for what CANCEL is for. The Call-ID is part of it, for there are senders whose branches are not unique.
func serverKey(req *sipmsg.Request, method sipmsg.RequestMethod) string {
	via := req.Via()
	branch, _ := via.Params.Get("branch")
	var b strings.Builder
	b.WriteString(req.CallID().Value() + " ")
	if id, ok := strings.CutPrefix(branch, sipmsg.RFC3261BranchMagicCookie); !ok || id == "" {
		// RFC 2543: the branch says nothing.
		b.WriteString(tagOf(req.From().Params) + " " + strconv.FormatUint(uint64(req.CSeq().SeqNo), 10) + " ")
	}
	b.WriteString(branch + " " + strings.ToLower(via.Host) + " " + strconv.Itoa(via.Port) + " " + string(method))
	return b.String()
}

// clientKey returns what our request's transaction is found under, by the request or a response (RFC 3261 section 17.1.3). The Call-ID is
// part of it, for a response waits in the inbox of its own: another's must not reach the call.
func clientKey(msg sipmsg.Message) string {
	branch, _ := msg.Via().Params.Get("branch")
	return msg.CallID().Value() + " " + branch + " " + string(msg.CSeq().MethodName)
}

func (t *transactions) findServer(key string) *serverTx {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.server[key]
}

func (t *transactions) findClient(key string) (*clientTx, *lateACK) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.client[key], t.acks[key]
}

// full reports whether no more requests can be taken or made, of calls that stand or of others.
func (t *transactions) full(standing bool) bool {
	limit := maxTransactions
	if standing {
		limit += callTransactions
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.server)+len(t.client) >= limit
}

// counts returns how many transactions there are.
func (t *transactions) counts() (server, client int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.server), len(t.client)
}

// begins takes note of an INVITE that begins a call, and reports whether it is the first of its kind.
func (t *transactions) begins(tx *serverTx) bool {
	key := mergeKey{tx.req.CallID().Value(), tagOf(tx.req.From().Params), tx.req.CSeq().SeqNo}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, twice := t.calls[key]; twice {
		return false
	}
	t.calls[key] = struct{}{}
	if !tx.fsm.OnTerminate(func(string, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.calls, key)
	}) {
		delete(t.calls, key)
	}
	return true
}

// close ends every transaction.
func (t *transactions) close() {
	t.mu.Lock()
	var ends []func()
	for _, tx := range t.server {
		ends = append(ends, tx.fsm.Terminate)
	}
	for _, tx := range t.client {
		ends = append(ends, tx.fsm.Terminate)
	}
	for _, l := range t.acks {
		l.timer.Stop()
	}
	clear(t.acks)
	t.mu.Unlock()
	for _, end := range ends {
		end()
	}
}

// serve begins a server transaction.
func (a *Agent) serveTx(key string, req *sipmsg.Request, from conn) (*serverTx, error) {
	tx := &serverTx{req: req, from: from}
	tx.fsm = sipmsg.NewServerTx(key, req, answerTo(req, from), quietLog())
	if err := tx.fsm.Init(); err != nil {
		return nil, err
	}
	from.hold(1)                             // our responses go by it
	tx.fsm.OnTerminate(func(string, error) { // nothing of the transaction may be called here
		from.hold(-1)
		a.txs.mu.Lock()
		defer a.txs.mu.Unlock()
		delete(a.txs.server, key)
	})
	a.txs.mu.Lock()
	defer a.txs.mu.Unlock()
	a.txs.server[key] = tx
	return tx, nil
}

// send begins a client transaction. handle is called as clientTx says, unless send fails.
func (a *Agent) send(req *sipmsg.Request, way conn, handle func(*sipmsg.Response, error)) (*clientTx, error) {
	if a.txs.full(tagOf(req.To().Params) != "" || req.IsCancel()) {
		return nil, errBusy
	}
	req.SetTransport(way.network())
	key := clientKey(req)
	tx := &clientTx{req: req, way: way, handle: handle}
	tx.fsm = sipmsg.NewClientTx(key, req, way, quietLog())
	callID := req.CallID().Value()
	a.txs.mu.Lock()
	a.txs.client[key] = tx
	a.txs.mu.Unlock()
	way.hold(1)
	tx.fsm.OnTerminate(func(_ string, err error) {
		way.hold(-1)
		a.txs.mu.Lock()
		delete(a.txs.client, key)
		a.txs.mu.Unlock()
		if !tx.over.Load() {
			a.post(callID, func() { tx.ended(err) })
		}
	})
	if err := tx.fsm.Init(); err != nil {
		tx.over.Store(true) // the caller is told by the error
		tx.fsm.Terminate()
		return nil, err
	}
	return tx, nil
}

// ended takes the end of the transaction.
func (tx *clientTx) ended(err error) {
	if !tx.over.Swap(true) {
		tx.handle(nil, err)
	}
}

// drop ends a request of ours whose responses nobody waits for any more.
func (tx *clientTx) drop() {
	tx.over.Store(true)
	tx.fsm.Terminate()
}
