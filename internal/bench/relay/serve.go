//go:build linux && (amd64 || arm64)

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
)

// serve is one of the programs that are measured: it prints the address that it takes commands at, and obeys until its input ends.
func serve(name, profiles string, o opus) error {
	start := map[string]func(opus) (relay, error){"engine": newGateway, "simple": newSimple}[name]
	if start == nil {
		return fmt.Errorf("relay: no program %q", name)
	}
	r, err := start(o)
	if err != nil {
		return err
	}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, r.close())
	}
	stop, err := profile(profiles, name)
	if err != nil {
		return errors.Join(err, conn.Close(), r.close())
	}
	var work sync.WaitGroup
	work.Go(func() { listen(conn, r) })
	_, err = fmt.Println(conn.LocalAddr())
	if err == nil {
		_, err = io.Copy(io.Discard, os.Stdin)
	}
	err = errors.Join(err, stop(), conn.Close())
	work.Wait()
	return errors.Join(err, r.close())
}

// relay is a program of ours between two phones.
type relay interface {
	switchboard
	close() error
}

// profile begins a profile of the processor, in a directory; without one it does nothing.
func profile(dir, name string) (stop func() error, err error) {
	if dir == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(filepath.Join(dir, name+".pprof"))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
