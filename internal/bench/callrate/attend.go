package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
)

// readBuffer is what the kernel is asked to keep of what a program has not read yet, in bytes: the usual one holds some hundred messages.
const readBuffer = 4 << 20

// report is what a program keeps.
type report struct {
	Heap       int // bytes that are in use after a collection
	Goroutines int
}

// served is a program that takes calls.
type served struct {
	addr string
	end  func() // ends the calls that stand, and takes no more; nil: it cannot
	stop func()
}

// attend runs a program: it prints the address that it takes calls at, and a report for each line that it is sent, until there are no more.
// With a directory for profiles the first report begins them, and the second ends them. The second comes when the calls are over: those that
// still stand, for a caller that has lost them, are ended, since it is for what finished calls leave behind.
func attend(start func(to string) (*served, error), to, profiles string) error {
	s, err := start(to)
	if err != nil {
		return err
	}
	defer s.stop()
	if _, err := fmt.Println(s.addr); err != nil {
		return err
	}
	var cpu *os.File
	lines := bufio.NewScanner(os.Stdin)
	for n := 1; lines.Scan(); n++ {
		if n == 2 && cpu != nil {
			pprof.StopCPUProfile()
			if err := cpu.Close(); err != nil {
				return err
			}
		}
		if n == 2 && s.end != nil {
			s.end()
		}
		runtime.GC() // twice: a pool survives one
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if err := json.NewEncoder(os.Stdout).Encode(report{int(m.HeapAlloc), runtime.NumGoroutine()}); err != nil {
			return err
		}
		switch {
		case profiles == "":
		case n == 1:
			if cpu, err = os.Create(filepath.Join(profiles, "cpu.pprof")); err != nil {
				return err
			}
			if err := pprof.StartCPUProfile(cpu); err != nil {
				return err
			}
		case n == 2:
			for _, name := range []string{"heap", "goroutine", "allocs"} {
				if err := writeProfile(filepath.Join(profiles, name+".pprof"), name); err != nil {
					return err
				}
			}
		}
	}
	return lines.Err()
}

func writeProfile(path, name string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = pprof.Lookup(name).WriteTo(f, 0)
	return errors.Join(err, f.Close())
}

// listenPacket opens a socket with as much room for a burst as an agent's.
func listenPacket(network, addr string) (net.PacketConn, error) {
	c, err := net.ListenPacket(network, addr)
	if err != nil {
		return nil, err
	}
	if u, ok := c.(*net.UDPConn); ok {
		err = u.SetReadBuffer(readBuffer)
	}
	return c, err
}
