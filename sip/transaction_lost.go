package sip

import "errors"

var errLostAgain = errors.New("sip: the connection was lost twice")

// lost takes the end of a connection. What was sent over it may not have arrived, and nobody repeats it: requests of ours without any
// response are sent again, over a new connection. The far side knows those that did arrive by their branch.
func (a *Agent) lost(s *stream) {
	if s.held.Load() == 0 {
		return
	}
	for _, tx := range a.txs.sentOver(s) {
		a.post(tx.callID, func() { tx.resend(a, s) })
	}
}

// sentOver returns the transactions whose requests went out over a connection.
func (t *transactions) sentOver(s *stream) []*clientTx {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []*clientTx
	for _, tx := range t.client {
		if tx.way == conn(s) {
			found = append(found, tx)
		}
	}
	return found
}

// resend sends the request again, once: a far side that ends each connection would have us go round for as long as we wait. One that came
// over a connection of its own making, such as a phone behind a NAT, is perhaps not to be reached but by the next that it makes; of others
// the request has failed.
func (tx *clientTx) resend(a *Agent, broken *stream) {
	if tx.over || tx.heard {
		return
	}
	way, err := conn(nil), errLostAgain
	if !tx.resent {
		tx.resent = true
		way, err = a.transport.renew(a.ctx, broken)
	}
	if err == nil {
		tx.way.hold(-1)
		way.hold(1)
		a.txs.mu.Lock()
		tx.way = way
		a.txs.mu.Unlock()
		err = a.transport.request(way, tx.text)
	}
	if err != nil && !broken.accepted {
		tx.end()
		tx.handle(nil, err)
	}
}
