//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
)

const (
	maxMessage = 64 << 10         // bytes of a message of the control protocol
	replyFor   = time.Second      // for one reply
	startFor   = 30 * time.Second // for a program to answer at all
)

// control speaks rtpengine's control protocol: a cookie and a dictionary in bencode each way. The other programs that are measured speak as
// much of it as this needs.
type control struct {
	conn net.Conn
	n    int
	buf  []byte
}

func dialControl(addr string) (*control, error) {
	conn, err := net.Dial("udp4", addr)
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	return &control{conn: conn, buf: make([]byte, maxMessage)}, nil
}

// do sends a command and waits for what comes of it. A datagram may be lost, so it is sent again; whoever takes it knows it by its cookie.
func (c *control) do(command dict, patience time.Duration) (dict, error) {
	c.n++
	cookie := strconv.Itoa(c.n)
	msg := appendBencode([]byte(cookie+" "), command)
	var reply dict
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); {
		_ = c.conn.SetReadDeadline(time.Now().Add(replyFor))
		if _, err = c.conn.Write(msg); err == nil {
			reply, err = c.reply(cookie)
		}
		switch {
		case err == nil:
			return reply, nil
		case errors.Is(err, errRefused):
			return nil, fmt.Errorf("relay: %s: %w", command.text("command"), err)
		case errors.Is(err, syscall.ECONNREFUSED):
			time.Sleep(50 * time.Millisecond) // nobody is there yet
		}
	}
	return nil, fmt.Errorf("relay: %s: %w", command.text("command"), err)
}

var (
	errOther   = errors.New("the reply is to another command")
	errRefused = errors.New("refused")
)

func (c *control) reply(cookie string) (dict, error) {
	n, err := c.conn.Read(c.buf)
	if err != nil {
		return nil, err
	}
	to, body, _ := bytes.Cut(c.buf[:n], []byte{' '})
	if string(to) != cookie {
		return nil, errOther
	}
	v, err := parseBencode(body)
	if err != nil {
		return nil, err
	}
	d, _ := v.(dict)
	if result := d.text("result"); result != "ok" && result != "pong" {
		return nil, fmt.Errorf("%w: %s", errRefused, d.text("error-reason"))
	}
	return d, nil
}

// switchboard is the signalling side of a relay of ours: it takes the two descriptions of a call, and returns what each far side gets.
type switchboard interface {
	offer(id, sdp string) (string, error)
	answer(id, sdp string) (string, error)
}

// listen answers commands until the connection is closed. One that is repeated gets the reply that it had.
func listen(conn net.PacketConn, s switchboard) {
	buf := make([]byte, maxMessage)
	var cookie, reply []byte
	for {
		n, from, err := conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		head, body, _ := bytes.Cut(buf[:n], []byte{' '})
		if err != nil || len(head) == 0 {
			continue
		}
		if !bytes.Equal(head, cookie) {
			cookie = bytes.Clone(head)
			reply = appendBencode(append(bytes.Clone(head), ' '), obey(body, s))
		}
		_, _ = conn.WriteTo(reply, from)
	}
}

// obey carries out one command.
func obey(body []byte, s switchboard) dict {
	v, err := parseBencode(body)
	if err != nil {
		return dict{"result": "error", "error-reason": err.Error()}
	}
	d, _ := v.(dict)
	var sdp string
	switch d.text("command") {
	case "ping":
		return dict{"result": "pong"}
	case "offer":
		sdp, err = s.offer(d.text("call-id"), d.text("sdp"))
	case "answer":
		sdp, err = s.answer(d.text("call-id"), d.text("sdp"))
	default:
		err = errors.New("no such command")
	}
	if err != nil {
		return dict{"result": "error", "error-reason": err.Error()}
	}
	return dict{"result": "ok", "sdp": sdp}
}
