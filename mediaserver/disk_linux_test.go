package mediaserver_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/mediaserver"
)

const (
	diskSize  = 1 << 20
	diskCalls = 20 // half of them of two parties, and half with an IVR
	sayHz     = 300
	replyHz   = 500
)

// TestInteropFullDisk records twenty calls onto a disk that has room for three seconds of them. All of them go on; what was recorded is there
// and whole as far as it goes, and is said to lack its end; and where there is room again there are recordings again.
func TestInteropFullDisk(t *testing.T) {
	dir := testutil.OwnDisk(t, diskSize)
	if dir == "" {
		return
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil || int64(disk.Blocks)*disk.Bsize != diskSize {
		t.Fatalf("the disk has %d blocks of %d, %v", disk.Blocks, disk.Bsize, err)
	}
	folder, err := mediaserver.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	onStage(t, func(s *stage) {
		d := &fullDisk{s: s, dir: filepath.Join(dir, s.server.Domain)}
		s.server.Prompts = folder
		s.app.newCall, s.app.command = d.newCall, d.command
		d.phones(diskCalls + 3)
		for _, p := range d.callers[:diskCalls] {
			p.call()
		}
		s.after(4 * time.Second)
		all := d.recorded(diskCalls, true)
		sum := 0
		for _, n := range all {
			sum += d.whole(&n)
		}
		if sum < diskSize*9/10 {
			t.Errorf("%d bytes are on the disk", sum)
		}
		d.goOn()

		for _, p := range d.callers[diskCalls : diskCalls+2] { // what is recorded from now on has no room for its head
			p.call()
		}
		s.after(time.Second)
		for _, n := range d.recorded(diskCalls+1, true)[diskCalls:] {
			if n.Filename != "" || n.Duration != 0 {
				t.Errorf("%q of %v is told of, which has no room", n.Filename, n.Duration)
			}
		}
		d.goOn()

		s.ok(folder.Remove(t.Context(), s.server.Domain, all[0].Filename))
		d.callers[diskCalls+2].call()
		s.after(time.Second)
		d.goOn()
		for _, p := range d.callers {
			p.hangup()
		}
		s.after(time.Second)
		last := d.recorded(diskCalls+2, false)[diskCalls+1]
		if d.whole(&last) == 0 || last.Duration < time.Second {
			t.Errorf("when there is room again: %+v", last)
		}
	})
}

// fullDisk is the application of TestInteropFullDisk, and who calls. The calls of even numbers it connects with somebody else, the others with
// an IVR, and it records all of them under one name.
type fullDisk struct {
	s       *stage
	dir     string
	callers []*phone
}

func (d *fullDisk) newCall(e *mediaserver.NewCall) (*mediaserver.Action, error) {
	var n int
	if _, err := fmt.Sscanf(e.From.URI, "sip:%d@", &n); err != nil || n%2 == 1 {
		return ivr()
	}
	c := call(uri(fmt.Sprint("of", n)))
	c.Record, c.Filename = true, "m.wav"
	return c, nil
}

func (d *fullDisk) command(r *mediaserver.IVRRequest) (*mediaserver.Command, error) {
	if r.Record != nil {
		if r.Record.Reason != mediaserver.RecordFailed {
			d.s.t.Errorf("an IVR is told of %+v", r.Record)
		}
		return hold(r)
	}
	return &mediaserver.Command{Record: &mediaserver.Record{File: "m.wav"}}, nil
}

// phones adds so many who call, and whom those of even numbers are connected with, of which the first one alone says something.
func (d *fullDisk) phones(callers int) {
	for n := range callers {
		d.callers = append(d.callers, d.s.phone(fmt.Sprint(n), sayHz))
		if n%2 == 0 {
			d.s.phone(fmt.Sprint("of", n), 0).rings = 0
		}
	}
	d.s.phones[uri("of0")].hz = replyHz
}

// goOn checks that whoever has called is still in the call, and that the first one is in a talk.
func (d *fullDisk) goOn() {
	d.s.t.Helper()
	first, other := d.callers[0], d.s.phones[uri("of0")]
	first.forget()
	other.forget()
	d.s.after(400 * time.Millisecond)
	for n, p := range d.callers {
		if p.line() == nil { // it has not called yet
			continue
		}
		all := []*phone{p}
		if n%2 == 0 {
			all = append(all, d.s.phones[uri(fmt.Sprint("of", n))])
		}
		for _, p := range all {
			if phase := p.line().Info().Phase; phase != bridge.Up {
				d.s.t.Errorf("%s is %v", p.uri, phase)
			}
		}
	}
	first.mu.Lock()
	defer first.mu.Unlock()
	other.mu.Lock()
	defer other.mu.Unlock()
	if hears, heard := sound.Level(first.pcm, 8000, replyHz), sound.Level(other.pcm, 8000, sayHz); hears < -30 || heard < -30 {
		d.s.t.Errorf("the first one hears the other at %.0f dB, and is heard at %.0f dB", hears, heard)
	}
}

// recorded returns the notices of recordings, which are so many: all truncated, but for the last if that is not.
func (d *fullDisk) recorded(want int, truncated bool) []mediaserver.Notice {
	d.s.t.Helper()
	d.s.app.mu.Lock()
	defer d.s.app.mu.Unlock()
	var all []mediaserver.Notice
	for _, n := range d.s.app.notices {
		if n.Kind == mediaserver.RecordingReady {
			all = append(all, n)
		}
	}
	if len(all) != want {
		d.s.t.Fatalf("%d recordings are told of, want %d", len(all), want)
	}
	if last := all[want-1]; last.Truncated != truncated {
		d.s.t.Errorf("%s: truncated %t, want %t", last.Filename, last.Truncated, truncated)
	}
	for _, n := range all[:want-1] {
		if !n.Truncated {
			d.s.t.Errorf("%s is told of as whole", n.Filename)
		}
	}
	return all
}

// whole checks that a file is what a head of its length says, and has what was said, and returns its size.
func (d *fullDisk) whole(n *mediaserver.Notice) int {
	d.s.t.Helper()
	b, err := os.ReadFile(filepath.Join(d.dir, n.Filename))
	if err != nil {
		d.s.t.Error(err)
		return 0
	}
	const head = 44
	le := binary.LittleEndian
	if len(b) < head || string(b[:4]) != "RIFF" || int(le.Uint32(b[4:])) != len(b)-8 || string(b[36:40]) != "data" || int(le.Uint32(b[40:])) != len(b)-head {
		d.s.t.Errorf("%s is not whole: %d bytes, %q", n.Filename, len(b), b[:min(len(b), head)])
		return 0
	}
	pcm := make([]int16, (len(b)-head)/2)
	for i := range pcm {
		pcm[i] = int16(le.Uint16(b[head+2*i:]))
	}
	if lasts := time.Duration(len(pcm)) * time.Second / 8000; (lasts - n.Duration).Abs() > time.Millisecond {
		d.s.t.Errorf("%s lasts %v, and is said to last %v", n.Filename, lasts, n.Duration)
	}
	if level := sound.Level(pcm, 8000, sayHz); level < -30 {
		d.s.t.Errorf("%s has what was said at %.0f dB", n.Filename, level)
	}
	return len(b)
}
