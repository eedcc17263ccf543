package mediaserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media/audio"
)

// recordTalks is talks with a store, in a folder of its own.
func recordTalks(t *testing.T, script []*Command, f func(t *testing.T, k *talk, store *Folder)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := newTalk(t, script)
		defer k.close()
		store, err := OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		k.server.Prompts = &brokenStore{PromptStore: store} // it is not, but does not wait for the disk
		f(t, k, store)
	})
}

// holds checks what is heard of a file of the store.
func holds(t *testing.T, store PromptStore, name, want string) {
	t.Helper()
	file, err := store.Open(t.Context(), testDomain, name)
	if err != nil {
		t.Error(err)
		return
	}
	s, err := audio.NewSource(file)
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Close()
	var all []int16
	for pcm := make([]int16, 1600); ; {
		n, err := s.Read(pcm)
		all = append(all, pcm[:n]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Error(err)
			break
		}
	}
	sounds(t, spans(all, s.Rate()), want)
}

// TestIVRRecord has every way in which a recording ends. The party speaks for a second, from 1.9 s on.
func TestIVRRecord(t *testing.T) {
	for _, tt := range []struct {
		name   string
		o      Record
		digits *Digits
		keys   string // at 4.1 s
		want   string
		holds  string
		hears  string
	}{
		{"max", Record{Max: 2 * time.Second}, nil, "", "3.0 m.wav/2.0/1", "-1 d1", "a1 -2"},
		{"silence", Record{Silence: 1950 * time.Millisecond}, nil, "", "5.3 m.wav/4.3/2", "-1 d1 -2.3", "a1 -4.3"},
		{"silence from the beginning", Record{Silence: 500 * time.Millisecond}, nil, "", "1.5 m.wav/0.5/2", "-0.5", "a1 -0.5"},
		{"key", Record{Termination: "#*", Beep: true}, nil, "1*", "4.3 m.wav/2.9/3", "-0.6 d1 -1.3", "a1 B0.4 -2.9"},
		{"key and digits", Record{Termination: "#"}, &Digits{Max: 2}, "1#2", `4.5 "12"/1 m.wav/3.3/3`, "-1 d1 -1.3", "a1 -3.5"},
		{"digits are late", Record{Max: 2 * time.Second}, &Digits{Max: 1}, "1", `4.1 "1"/1 m.wav/2.0/1`, "-1 d1", "a1 -3.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.File = "m.wav"
			recordTalks(t, []*Command{{Phrases: []Phrase{say("a1")}, Record: &tt.o, Digits: tt.digits}}, func(t *testing.T, k *talk, store *Folder) {
				k.run()
				k.until(1900 * time.Millisecond)
				k.speak('d', time.Second)
				if tt.keys != "" {
					k.until(4100 * time.Millisecond)
					k.press(tt.keys)
				}
				k.tells(tt.want)
				k.hears(tt.hears)
				holds(t, store, "m.wav", tt.holds)
				if len(k.files) != 1 || !strings.HasPrefix(k.files[0], "m.wav ") || !strings.HasSuffix(k.files[0], " false") {
					t.Errorf("recorded %q", k.files)
				}
			})
		})
	}
}

// TestIVRRecordTypedBefore is not ended by keys that were pressed before it began.
func TestIVRRecordTypedBefore(t *testing.T) {
	recordTalks(t, []*Command{
		{Phrases: []Phrase{say("a9")}, BargeIn: true, Record: &Record{File: "m.wav", Termination: "#", Max: 2 * time.Second}},
		{Digits: &Digits{Max: 1}},
	}, func(t *testing.T, k *talk, _ *Folder) {
		k.run()
		k.until(time.Second)
		k.press("#")
		k.tells(`3.0 m.wav/2.0/1, 3.0 "#"/1`)
	})
}

// TestIVRRecordBackground has the background be silent while the party is recorded.
func TestIVRRecordBackground(t *testing.T) {
	recordTalks(t, []*Command{
		{Background: &Background{Phrase: say("c60")}, After: time.Second},
		{Record: &Record{Beep: true, Max: 2 * time.Second}},
		{After: time.Second},
	}, func(t *testing.T, k *talk, _ *Folder) {
		k.run()
		k.asks()
		k.hears("c1 B0.4 -2 c1")
	})
}

// TestIVRRecordNames makes names up, and replaces no file.
func TestIVRRecordNames(t *testing.T) {
	one := &Command{Record: &Record{Max: 200 * time.Millisecond}}
	two := &Command{Record: &Record{File: "m", Max: 200 * time.Millisecond}}
	recordTalks(t, []*Command{one, one, two, two}, func(t *testing.T, k *talk, store *Folder) {
		k.run()
		all := k.asks()
		a, b, c, d := all[0].Record.File, all[1].Record.File, all[2].Record.File, all[3].Record.File
		if a == b || len(a) < 30 || !strings.HasSuffix(a, ".wav") || c != "m" || d != "m-2" {
			t.Errorf("%s, %s, %s, %s", a, b, c, d)
		}
		for _, name := range []string{a, b, c, d} {
			holds(t, store, name, "-0.2")
		}
	})
}

// TestFaultHangupWhileRecording puts the file in its place, and says so.
func TestFaultHangupWhileRecording(t *testing.T) {
	recordTalks(t, []*Command{{Record: &Record{File: "m.wav", Beep: true}}}, func(t *testing.T, k *talk, store *Folder) {
		k.run()
		k.until(900 * time.Millisecond)
		k.speak('d', time.Second)
		k.cancel(errSlow)
		if e := k.end(); !errors.Is(e.err, errSlow) {
			t.Errorf("%+v", e)
		}
		holds(t, store, "m.wav", "-0.6 d1")
		if !slices.Equal(k.files, []string{"m.wav 1.6 false"}) {
			t.Errorf("recorded %q", k.files)
		}
	})
}

// brokenStore is a store whose disk breaks.
type brokenStore struct {
	PromptStore
	opens error // of Record
	done  error // of Done

	most    int // bytes that a file takes
	failure error
	stuck   chan struct{} // writes wait for it
}

func (s *brokenStore) Record(ctx context.Context, domain, name string) (Recording, error) {
	if s.opens != nil {
		return nil, s.opens
	}
	r, err := s.PromptStore.Record(ctx, domain, name)
	return &brokenRecording{Recording: r, s: s}, err
}

type brokenRecording struct {
	Recording
	s    *brokenStore
	size int
}

func (r *brokenRecording) Write(b []byte) (int, error) {
	if r.s.stuck != nil {
		<-r.s.stuck
	}
	n := len(b)
	if r.s.failure != nil {
		n = min(n, r.s.most-r.size)
	}
	r.size += n
	n, err := r.Recording.Write(b[:n])
	if err == nil && n < len(b) {
		err = r.s.failure
	}
	return n, err
}

func (r *brokenRecording) Done() (string, error) {
	if r.s.done != nil {
		return "", r.s.done
	}
	return r.Recording.Done()
}

// TestFaultDiskFullWhileRecording has the call go on. What has been written is there, and is said to lack its end.
func TestFaultDiskFullWhileRecording(t *testing.T) {
	for name, tt := range map[string]struct {
		store brokenStore
		want  string
		files string
	}{
		"full":          {brokenStore{failure: syscall.ENOSPC, most: 30_000}, "m.wav/1.9/5", "m.wav 1.9 true"},
		"broken":        {brokenStore{failure: syscall.EIO, most: 20_000}, "m.wav/1.2/5", "m.wav 1.2 true"},
		"full at once":  {brokenStore{failure: syscall.ENOSPC, most: 10}, "/0.0/5", ""},
		"read-only":     {brokenStore{opens: fs.ErrPermission}, "/0.0/5", ""},
		"taken away":    {brokenStore{done: fs.ErrNotExist}, "/2.5/5", ""},
		"fails at once": {brokenStore{failure: syscall.EIO}, "/0.0/5", ""},
	} {
		t.Run(name, func(t *testing.T) {
			recordTalks(t, []*Command{{Record: &Record{File: "m.wav", Max: 2500 * time.Millisecond}}, {Phrases: []Phrase{say("a1")}}}, func(t *testing.T, k *talk, store *Folder) {
				tt.store.PromptStore = store
				k.server.Prompts = &tt.store
				k.run()
				if got := told(k.asks()); !strings.Contains(got, " "+tt.want+", ") {
					t.Errorf("told %s, want %s", got, tt.want)
				}
				if got := strings.Join(k.files, ","); got != tt.files {
					t.Errorf("recorded %s, want %s", got, tt.files)
				}
				if len(k.files) > 0 {
					holds(t, store, "m.wav", "-0")
				}
				if all := k.spans(); len(all) == 0 || all[len(all)-1].tone != 'a' {
					t.Errorf("heard %v afterwards", all)
				}
				if tt.store.done == nil {
					if left, _ := fs.Glob(store.root.FS(), "*/.rec*"); len(left) > 0 {
						t.Errorf("%q is left", left)
					}
				}
			})
		})
	}
}

// TestFaultRecordingHasNoPlace has no store, a name that none takes, and a folder that is none.
func TestFaultRecordingHasNoPlace(t *testing.T) {
	long := &Command{Record: &Record{File: strings.Repeat("a", mostName+1)}}
	recordTalks(t, []*Command{long, {Record: &Record{File: "../m"}}}, func(t *testing.T, k *talk, _ *Folder) {
		k.run()
		k.tells("0.0 /0.0/5, 0.0 /0.0/5")
	})
	talks(t, []*Command{{Record: &Record{}}}, func(t *testing.T, k *talk) {
		k.run()
		k.tells("0.0 /0.0/5")
	})
	recordTalks(t, []*Command{{Record: &Record{}}}, func(t *testing.T, k *talk, store *Folder) {
		if err := os.WriteFile(filepath.Join(store.root.Name(), testDomain), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		k.run()
		k.tells("0.0 /0.0/5")
	})
}

// TestFaultDiskStandsStill does not wait for ever for the end of a file.
func TestFaultDiskStandsStill(t *testing.T) {
	recordTalks(t, []*Command{{Record: &Record{File: "m.wav", Termination: "#"}}}, func(t *testing.T, k *talk, store *Folder) {
		stuck := &brokenStore{PromptStore: store, stuck: make(chan struct{})}
		k.server.Prompts = stuck
		defer close(stuck.stuck)
		k.run()
		k.until(time.Second)
		k.press("#")
		k.tells(fmt.Sprintf("%.1f /0.0/5", (time.Second + recordEnd).Seconds()))
	})
}

// smallDisk is a store whose files share a space.
type smallDisk struct {
	PromptStore
	mu   sync.Mutex
	left int // bytes
}

func (s *smallDisk) Record(ctx context.Context, domain, name string) (Recording, error) {
	r, err := s.PromptStore.Record(ctx, domain, name)
	return &smallFile{Recording: r, on: s}, err
}

type smallFile struct {
	Recording
	on *smallDisk
}

func (f *smallFile) Write(b []byte) (int, error) {
	f.on.mu.Lock()
	n := min(len(b), f.on.left)
	f.on.left -= n
	f.on.mu.Unlock()
	n, err := f.Recording.Write(b[:n])
	if err == nil && n < len(b) {
		err = syscall.ENOSPC
	}
	return n, err
}

// TestFaultTwentyCallsOnASmallDisk has all of them go on, and every file be played as far as it goes.
func TestFaultTwentyCallsOnASmallDisk(t *testing.T) {
	const calls = 20
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store, err := OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		disk := &smallDisk{PromptStore: store, left: 1 << 19}
		var all []*talk
		for range calls {
			k := newTalk(t, []*Command{{Record: &Record{File: "m.wav", Max: 2 * time.Second}}, {Phrases: []Phrase{say("a0.5")}}})
			defer k.close()
			k.server.Prompts = disk
			k.run()
			all = append(all, k)
		}
		for _, k := range all {
			r := k.asks()[0].Record
			if r.Reason != RecordFailed || len(k.files) != 1 || !strings.HasSuffix(k.files[0], " true") {
				t.Errorf("%+v, %q", r, k.files)
			}
			holds(t, store, r.File, fmt.Sprintf("-%.2f", r.Duration.Seconds()))
			if heard := k.spans(); heard[len(heard)-1].tone != 'a' {
				t.Errorf("heard %v", heard)
			}
		}
	})
}
