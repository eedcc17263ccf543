package engine_test

import (
	"encoding/binary"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// talkAtTheDoor connects an Echo and a door phone, until each hears the other.
func talkAtTheDoor(t *testing.T, settings ...func(*media.Policy)) (echo *viewer, d *door, near, far media.Terminal) {
	t.Helper()
	e, s := listen(t), echoStyles()[0]
	p := media.AlexaDoor()
	for _, set := range settings {
		set(p)
	}
	echo, near, far = newEcho(t, s), open(t, e, p), open(t, e, doorPolicy())
	d = newDoor(t, far, doorH264)
	relayed(t, near, far)
	echo.echoAnswered(t, s, near, far.Plan())
	quiet, still := echo.talk("from the Echo"), keeps(d.speaks)
	d.sound.hearsSoon(t, "from the Echo")
	echo.hears("from the door")
	quiet()
	still()
	return echo, d, near, far
}

// TestDoorHalfDuplex lets the visitor and the Echo speak in turn, by Gate: of who is not to be heard nothing goes out, and each line goes on
// without a gap where it stopped. The pictures go on all the while.
func TestDoorHalfDuplex(t *testing.T) {
	t.Parallel()
	echo, d, near, far := talkAtTheDoor(t)
	atEcho, pictures, atDoor := collects(echo.heard), collects(echo.seen), d.sound.listens()
	defer echo.talk("from the Echo")()
	defer keeps(d.speaks)()
	defer keeps(func() { d.video.see(d.number, "pictures of the door") })()

	sound := near.Stream(media.Audio)
	passing := func() (in, out, turnedIn, turnedOut, pictures uint64) {
		s := sound.Stats()
		return outgoing(far).Packets, s.Out.Packets, s.In.Blocked, s.Out.Blocked, near.Stream(media.Video).Stats().Out.Packets
	}
	for turn := range 6 {
		visitor := turn%2 == 0
		gate := media.RecvOnly
		if visitor {
			gate = media.SendOnly
		}
		sound.Gate(gate)
		_, _, blockedIn, blockedOut, _ := passing()
		eventually(t, "the other direction is shut", func() bool {
			_, _, in, out, _ := passing()
			return visitor && in > blockedIn+1 || !visitor && out > blockedOut+1
		})
		in0, out0, blockedIn, blockedOut, pictures0 := passing()
		eventually(t, "much is turned away, and much passes", func() bool {
			in, out, turnedIn, turnedOut, pictures := passing()
			if visitor {
				return turnedIn > blockedIn+20 && out > out0+20 && pictures > pictures0+20
			}
			return turnedOut > blockedOut+20 && in > in0+20 && pictures > pictures0+20
		})
		in, out, _, _, _ := passing()
		if visitor && in != in0 || !visitor && out != out0 {
			t.Errorf("turn %d: to the door %d, to the Echo %d packets more, one of them unheard", turn, in-in0, out-out0)
		}
		if why := sound.Stats(); visitor && why.In.Silence != media.SilentGated || !visitor && why.Out.Silence != media.SilentGated {
			t.Errorf("turn %d: silent for %v and %v", turn, why.In.Silence, why.Out.Silence)
		}
	}
	sound.Gate(media.SendRecv)
	for who, numbers := range map[string][]uint16{"the Echo's sound": atEcho(), "the Echo's pictures": pictures(), "the door's sound": atDoor()} {
		for i := 1; i < len(numbers); i++ {
			if numbers[i] != numbers[i-1]+1 {
				t.Errorf("%s goes on at %d after %d", who, numbers[i], numbers[i-1])
			}
		}
		if len(numbers) < 60 {
			t.Errorf("%s has %d packets", who, len(numbers))
		}
	}
	if bad := near.Stream(media.Audio).Stats().In.Bad + near.Stream(media.Video).Stats().In.Bad; bad != 0 {
		t.Errorf("%d packets were not authentic or came twice", bad)
	}
}

// collects takes what comes, until stop is called and returns the numbers of it.
func collects(from <-chan *rtp.Packet) (stop func() []uint16) {
	var numbers []uint16
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case p := <-from:
				numbers = append(numbers, p.SequenceNumber)
			case <-done:
				return
			}
		}
	}()
	return func() []uint16 { close(done); <-over; return numbers }
}

// listens takes the sound that comes, until stop is called and returns the numbers of it.
func (p *phone) listens() (stop func() []uint16) {
	var numbers []uint16
	done, over := make(chan struct{}), make(chan struct{})
	_ = p.conn.SetReadDeadline(time.Time{})
	go func() {
		defer close(over)
		b := make([]byte, 2048)
		for {
			n, _, err := p.conn.ReadFromUDPAddrPort(b)
			select {
			case <-done:
				return
			default:
			}
			if err == nil && n > 12 && b[1]&0x7f == 0 {
				numbers = append(numbers, binary.BigEndian.Uint16(b[2:]))
			}
		}
	}()
	return func() []uint16 {
		close(done)
		_ = p.conn.SetReadDeadline(time.Now())
		<-over
		return numbers
	}
}

// TestDoorConstantSound relays an Echo that sends nothing but 0xff in PCMU, as some were seen to: the cause is named on its leg, and only there.
func TestDoorConstantSound(t *testing.T) {
	t.Parallel()
	echo, d, near, far := talkAtTheDoor(t)
	defer echo.talk(strings.Repeat("\xff", 160))()
	defer keeps(func() { d.sound.send([]byte(time.Now().String())) })()
	eventually(t, "the cause is named", func() bool { return incoming(near).Silence == media.SilentConstant })
	if why := incoming(far).Silence; why != media.NotSilent {
		t.Errorf("the door is said to be silent: %v", why)
	}
	if why := outgoing(far).Silence; why != media.NotSilent {
		t.Errorf("the door is said to get nothing: %v", why)
	}
}

// TestDoorStalledServers answers while servers for STUN and TURN take what they are sent and say nothing, over UDP, TCP and TLS: long before
// Alexa gives up, and without them.
func TestDoorStalledServers(t *testing.T) {
	t.Parallel()
	swallows, l := loopback(t), stalled(t)
	at, over := portOf(swallows).String(), l.Addr().String()
	const budget = 4500 * time.Millisecond
	e, err := engine.Listen("127.0.0.1:0", &engine.Options{
		STUN: []string{"stun:" + at},
		TURN: []engine.TURNServer{
			{URL: "turn:" + at, Username: turnUser, Password: turnPassword},
			{URL: "turn:" + over + "?transport=tcp", Username: turnUser, Password: turnPassword},
			{URL: "turns:" + over, Username: turnUser, Password: turnPassword},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var longest time.Duration
	for range 5 {
		s := echoStyles()[0]
		echo, term := newEcho(t, s), open(t, e, media.AlexaDoor())
		offer := s.written(t, echo.offer())
		asked := time.Now()
		answer, err := term.Answer(offer, pictures(media.H264("42e01f", 1)))
		if took := time.Since(asked); err != nil || took > budget {
			t.Fatalf("answered after %v: %v", took, err)
		} else {
			longest = max(longest, took)
		}
		echo.remote(webrtc.SDPTypeAnswer, answer)
		if text := described(answer); !strings.Contains(text, "typ host") || strings.Contains(text, "typ relay") || strings.Contains(text, "typ srflx") {
			t.Errorf("answers\n%s", text)
		}
	}
	t.Logf("answered within %v", longest)
}

// stalled takes connections and neither reads nor says anything.
func stalled(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-over })
	return l
}

// TestDoorGoodbye closes the Echo's leg: after the goodbye, which TestReportsWebRTC looks at, nothing goes out any more, and the checks of consent
// (RFC 7675) of an Echo that has missed it are not answered, so that it gives up.
func TestDoorGoodbye(t *testing.T) {
	t.Parallel()
	e := listen(t)
	term, b := open(t, e, media.AlexaDoor()), newBrowser(t, func(s *webrtc.SettingEngine) {
		s.SetICETimeouts(time.Minute, time.Minute, 20*time.Millisecond)
	})
	f := through(t, e, term, b, false)
	bothHear(t, term, b)
	var asks, ours atomic.Int32
	f.with(func(p []byte, toPeer bool) int {
		switch {
		case toPeer && p[0] == 21:
			return 0 // an alert of DTLS, with which the Echo would be gone at once
		case toPeer:
			ours.Add(1)
		case len(p) > 1 && p[0] == 0 && p[1] == 1:
			asks.Add(1)
		}
		return 1
	})
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what was under way has arrived", func() bool { return ours.Load() >= 1 && asks.Load() >= 3 })
	settled, asked := ours.Load(), asks.Load()
	eventually(t, "the Echo checks for consent", func() bool { return asks.Load() >= asked+5 })
	if now := ours.Load(); now != settled {
		t.Errorf("%d datagrams go out after the end", now-settled)
	}
}
