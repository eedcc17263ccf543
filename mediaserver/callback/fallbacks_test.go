package callback_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/callback"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

const day = 24 * time.Hour

// hangsUp returns a stored fallback that plays a file and hangs up.
func hangsUp(mode wire.FallbackMode, file string) *wire.Fallback {
	return &wire.Fallback{Mode: mode, Command: &mediaserver.Command{
		Phrases: []mediaserver.Phrase{{Format: mediaserver.PhraseFile, File: file}}, Hangup: true,
	}}
}

func TestMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		m := &callback.Memory{}
		if numbers, err := m.List(ctx, "a"); err != nil || len(numbers) > 0 {
			t.Errorf("nothing is %q, %v", numbers, err)
		}
		for number, span := range map[string]time.Duration{"+46": day, "100": 7 * day, "50": 0} {
			f := hangsUp(wire.OnError, number)
			f.For = span
			if err := m.Put(ctx, "a", number, f); err != nil {
				t.Fatal(err)
			}
			f.Command.Phrases[0].File = "another" // the caller's again
		}
		time.Sleep(time.Hour)
		f, err := m.Get(ctx, "a", "+46")
		if err != nil || f.TTL != day-time.Hour || f.For != day || f.Command.Phrases[0].File != "+46" {
			t.Errorf("got %+v, %v", f, err)
		}
		if _, err := m.Get(ctx, "b", "+46"); !errors.Is(err, fs.ErrNotExist) {
			t.Error("of another domain:", err)
		}
		for _, tt := range []struct {
			after time.Duration
			want  []string
		}{{0, []string{"+46", "100", "50"}}, {day, []string{"100", "50"}}, {7 * day, []string{"50"}}, {182 * day, nil}} {
			time.Sleep(tt.after)
			if numbers, err := m.List(ctx, "a"); err != nil || !slices.Equal(numbers, tt.want) {
				t.Errorf("after %v: got %q, %v, want %q", tt.after, numbers, err, tt.want)
			}
		}
	})
}

func TestMemoryReplacesAndDeletes(t *testing.T) {
	ctx := t.Context()
	m := &callback.Memory{}
	for _, file := range []string{"a", "b"} {
		if err := m.Put(ctx, "d", "1", hangsUp(wire.Always, file)); err != nil {
			t.Fatal(err)
		}
	}
	if f, err := m.Get(ctx, "d", "1"); err != nil || f.Command.Phrases[0].File != "b" {
		t.Errorf("got %+v, %v", f, err)
	}
	if err := m.Delete(ctx, "d", "1"); err != nil {
		t.Error(err)
	}
	if err := m.Delete(ctx, "d", "1"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("deleted twice:", err)
	}
	if _, err := m.Get(ctx, "d", "1"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("got after it was deleted:", err)
	}
}

func TestMemoryRefuses(t *testing.T) {
	ctx := t.Context()
	m := &callback.Memory{}
	f := hangsUp(wire.OnError, "a")
	for _, number := range []string{"", "a b", "../x", "å", strings.Repeat("1", 65), "sip:a@x", "1\n"} {
		if err := m.Put(ctx, "d", number, f); !errors.Is(err, callback.ErrNumber) {
			t.Errorf("%q: %v", number, err)
		}
	}
	f.Until = time.Now().Add(-time.Second)
	if err := m.Put(ctx, "d", "1", f); !errors.Is(err, callback.ErrExpired) {
		t.Error(err)
	}
	if err := m.Put(ctx, "d", "1", &wire.Fallback{Mode: wire.OnError, Command: &mediaserver.Command{}}); !errors.As(err, new(*wire.Error)) {
		t.Error("a command without an end:", err)
	}
	if numbers, err := m.List(ctx, "d"); err != nil || len(numbers) > 0 {
		t.Errorf("there is %q, %v", numbers, err)
	}
}

func TestMemoryIsLimited(t *testing.T) {
	ctx := t.Context()
	m := &callback.Memory{}
	for i := range 10_000 {
		if err := m.Put(ctx, "many", fmt.Sprint(i), hangsUp(wire.OnError, "a")); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Put(ctx, "many", "new", hangsUp(wire.OnError, "a")); !errors.Is(err, callback.ErrNoRoom) {
		t.Error("one more number:", err)
	}
	if err := m.Put(ctx, "many", "7", hangsUp(wire.OnError, "b")); err != nil {
		t.Error("replaced among the most:", err)
	}
	large := hangsUp(wire.OnError, "")
	for range 60 {
		large.Command.Phrases = append(large.Command.Phrases, mediaserver.Phrase{Format: mediaserver.PhraseURL, URL: strings.Repeat("u", 4000)})
	}
	var err error
	n := 0
	for ; err == nil && n < 1000; n++ {
		err = m.Put(ctx, "large", fmt.Sprint(n), large)
	}
	if !errors.Is(err, callback.ErrNoRoom) || n < 20 || n > 40 {
		t.Errorf("%d large ones, then %v", n, err)
	}
	if err := m.Delete(ctx, "large", "0"); err != nil {
		t.Fatal(err)
	}
	if err := m.Put(ctx, "large", "0", large); err != nil {
		t.Error("in the room of another one:", err)
	}
}
