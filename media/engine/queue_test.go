package engine

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestQueue(t *testing.T) {
	from := netip.MustParseAddrPort("192.0.2.1:9")
	b := make([]byte, 100)
	get := func(q *queue) string {
		n, _, err := q.get(b)
		if err != nil {
			return err.Error()
		}
		return string(b[:n])
	}
	t.Run("order and limit", func(t *testing.T) {
		q := newQueue()
		for i := range 2 * queueDepth {
			data := []byte{byte('a' + i)}
			q.put(data, from)
			data[0] = 'X' // the reader uses its buffer again
		}
		for i := range queueDepth {
			if got := get(q); got != string([]byte{byte('a' + i)}) {
				t.Fatalf("got %q, want the %d. one", got, i)
			}
		}
		if len(q.items) != 0 {
			t.Errorf("%d more than fit", len(q.items))
		}
	})
	t.Run("deadlines", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q, start := newQueue(), time.Now()
			q.deadline(start.Add(time.Second))
			if _, _, err := q.get(b); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("%v after %v", err, time.Since(start))
			}
			q.deadline(time.Time{})
			time.AfterFunc(time.Hour, func() { q.put([]byte("late"), from) })
			if got := get(q); got != "late" {
				t.Errorf("without a deadline: %q", got)
			}
			q.put([]byte("there"), from)
			q.deadline(start) // past
			if _, _, err := q.get(b); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a deadline that has passed: %v", err)
			}
			q.deadline(time.Now().Add(time.Minute))
			old := q.turn
			q.deadline(time.Now().Add(time.Hour))
			q.expire(old) // fired at the moment that it was replaced
			if got := get(q); got != "there" {
				t.Errorf("before the deadline: %q", got)
			}
			q.close()
		})
	})
	t.Run("close", func(t *testing.T) {
		q := newQueue()
		q.put([]byte("x"), from)
		done := make(chan error)
		go func() {
			_, _, _ = q.get(b)
			_, _, err := q.get(b)
			done <- err
		}()
		q.close()
		q.put([]byte("y"), from)
		if err := <-done; !errors.Is(err, io.EOF) {
			t.Errorf("got %v", err)
		}
		if len(q.items) != 0 {
			t.Error("something is kept after close")
		}
	})
}
