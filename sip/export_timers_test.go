package sip

import "time"

// TimersLeft stops the timers of a leg and returns how many of them would have fired.
func (l *Leg) TimersLeft() int {
	n := 0
	done := make(chan struct{})
	l.post(func() {
		defer close(done)
		timers := []*time.Timer{l.rest, l.session.timer}
		if l.asked != nil {
			timers = append(timers, l.asked.timer)
		}
		if l.tentative != nil {
			timers = append(timers, l.tentative.timer)
		}
		if l.unacked != nil {
			timers = append(timers, l.unacked.timer)
		}
		for _, t := range timers {
			if t != nil && t.Stop() {
				n++
			}
		}
	})
	<-done
	return n
}

// SessionDue does what the timer of the session does.
func (l *Leg) SessionDue() { l.post(l.sessionDue) }
