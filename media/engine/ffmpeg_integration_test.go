package engine_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// ffmpegSuites are those that ffmpeg has. Under the name of RFC 4568 its RTCP has the short tag too, against section 6.2.2; under that
// of RFC 5764 it has the long one.
var ffmpegSuites = map[media.Suite]string{media.AESCM80: "SRTP_AES128_CM_HMAC_SHA1_80", media.AESCM32: "SRTP_AES128_CM_HMAC_SHA1_32"}

// ffmpeg runs ffmpeg until it ends or the test does, and shows what it said if the test fails.
func ffmpeg(t *testing.T, args ...string) (wait func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	cmd := exec.CommandContext(ctx, "ffmpeg", append([]string{"-hide_banner", "-nostdin", "-loglevel", "warning"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait = sync.OnceFunc(func() {
		_ = cmd.Wait()
		cancel()
		if t.Failed() {
			t.Logf("ffmpeg: %s", out.String())
		}
	})
	t.Cleanup(func() { cancel(); wait() })
	return wait
}

func secretOf(k media.Key) string { return base64.StdEncoding.EncodeToString([]byte(k.Secret)) }

// agreed lets a terminal answer the offer of a far side on a port, and returns what stands then.
func agreed(t *testing.T, term media.Terminal, suite media.Suite, port uint16) media.Section {
	t.Helper()
	p := sdes(suite)
	local := media.Local{ID: 1, Addr: "127.0.0.1", Port: port, RTCPPort: port + 1, Keys: p.NewKeys()}
	n, offer, err := media.Negotiation{}.Offer(p, local, g711())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := term.Answer(offer, g711())
	if err != nil {
		t.Fatal(err)
	}
	if n, err = n.Accept(p, answer); err != nil {
		t.Fatal(err)
	}
	return n.Sections()[0]
}

// TestInteropFFmpegSendsSDES takes sound from ffmpeg that ffmpeg has encrypted: not one packet is bad, and it is the tone that was sent.
func TestInteropFFmpegSendsSDES(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	for suite, name := range ffmpegSuites {
		t.Run(string(suite), func(t *testing.T) {
			term, port := open(t, listen(t), sdes(suite)), uint16(testutil.FreePort(t))
			s := agreed(t, term, suite, port)
			r := term.Stream(media.Audio).Reader()
			defer r.Close()
			ffmpeg(t, "-re", "-f", "lavfi", "-i", "sine=frequency=1000:sample_rate=8000", "-t", "30", "-c:a", "pcm_mulaw", "-f", "rtp", "-payload_type", "0",
				"-srtp_out_suite", name, "-srtp_out_params", secretOf(s.KeyOut),
				fmt.Sprintf("srtp://127.0.0.1:%d?localrtpport=%d&pkt_size=172", s.Transport.Addr.Port(), port))
			stop := time.AfterFunc(30*time.Second, func() { _ = r.Close() })
			defer stop.Stop()
			var heard []int16
			for len(heard) < 8000 {
				var p media.Packet
				if err := r.Read(make([]byte, 2048), &p); err != nil {
					t.Fatalf("%v after %d samples, %+v", err, len(heard), term.Stream(media.Audio).Stats().In)
				}
				for _, b := range p.Payload {
					heard = append(heard, muLaw(b))
				}
			}
			if share := testutil.ToneShare(heard, 8000, 1000); share < 0.9 {
				t.Errorf("the tone is %.2f of what is heard", share)
			}
			if in := term.Stream(media.Audio).Stats().In; in.Bad > 0 {
				t.Errorf("%d bad packets", in.Bad)
			}
		})
	}
}

// TestInteropFFmpegHearsSDES lets ffmpeg decrypt what we send, by the key line of our own description, and record it.
func TestInteropFFmpegHearsSDES(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	for suite := range ffmpegSuites {
		t.Run(string(suite), func(t *testing.T) {
			term, port := open(t, listen(t), sdes(suite)), uint16(testutil.FreePort(t))
			s := agreed(t, term, suite, port)
			dir := t.TempDir()
			sdp, wav := filepath.Join(dir, "in.sdp"), filepath.Join(dir, "heard.wav")
			text := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/SAVP 0\r\na=rtpmap:0 PCMU/8000\r\na=crypto:1 %s inline:%s\r\n",
				port, suite, secretOf(s.KeyIn))
			if err := os.WriteFile(sdp, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			wait := ffmpeg(t, "-protocol_whitelist", "file,rtp,udp,srtp,crypto", "-i", sdp, "-t", "2", "-y", wav)
			done := make(chan struct{})
			go func() { wait(); close(done) }()
			codec, tick := media.PCMU(), time.NewTicker(20*time.Millisecond)
			defer tick.Stop()
			for seq := uint16(0); ; seq++ {
				select {
				case <-done:
				case <-tick.C:
					p := media.Packet{Codec: &codec, Start: seq == 0, Seq: seq, Time: uint32(seq) * 160, Payload: sine1k(int(seq) * 160)}
					if err := term.Stream(media.Audio).Write(&p); err != nil {
						t.Fatal(err)
					}
					continue
				}
				break
			}
			rate, samples, err := testutil.ReadWAV(wav)
			if err != nil || len(samples) < rate {
				t.Fatalf("%d samples, %v", len(samples), err)
			}
			if share := testutil.ToneShare(samples, rate, 1000); share < 0.9 {
				t.Errorf("the tone is %.2f of what ffmpeg has heard", share)
			}
		})
	}
}

// sine1k returns 20 ms of 1 kHz as PCMU.
func sine1k(at int) []byte {
	b := make([]byte, 160)
	for i := range b {
		b[i] = toMuLaw(int(8000 * math.Sin(2*math.Pi*1000*float64(at+i)/8000)))
	}
	return b
}

// muLaw decodes an octet of ITU-T G.711.
func muLaw(b byte) int16 {
	b = ^b
	v := (int(b&0x0f)<<3+0x84)<<(b>>4&7) - 0x84
	if b&0x80 != 0 {
		return int16(-v)
	}
	return int16(v)
}

// toMuLaw finds the octet whose value is nearest.
func toMuLaw(v int) byte {
	best, off := byte(0), math.MaxInt
	for b := range 256 {
		if d := v - int(muLaw(byte(b))); max(d, -d) < off {
			best, off = byte(b), max(d, -d)
		}
	}
	return best
}

// TestInteropFFmpegVideo carries H.264 from one ffmpeg to another, plain on one leg and encrypted on the other: what is decoded there has
// the pictures' size, and no error.
func TestInteropFFmpegVideo(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	e := listen(t)
	from, to := uint16(testutil.FreePort(t)), uint16(testutil.FreePort(t))
	a, b := open(t, e, seeing(pcmu())), open(t, e, seeing(sdes(media.AESCM80)))
	relayed(t, a, b)
	video := func(p *media.Policy, port uint16, term media.Terminal) media.Section {
		keys := p.NewKeys()
		n, offer, err := media.Negotiation{}.Offer(p, media.Local{ID: 1, Addr: "127.0.0.1", Port: port, RTCPPort: port + 1, Keys: keys, VideoKeys: keys},
			pictures(media.H264("42e01f", 1)))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := offer.AppendText(nil)
		offer, err = media.ParseDescription([]byte(strings.Replace(string(text), fmt.Sprintf("m=audio %d ", port), fmt.Sprintf("m=audio %d ", uint16(testutil.FreePort(t))), 1)))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := term.Answer(offer, pictures(media.H264("42e01f", 1)))
		if err != nil {
			t.Fatal(err)
		}
		if n, err = n.Accept(p, answer); err != nil {
			t.Fatal(err)
		}
		return n.Sections()[1]
	}
	near, far := video(seeing(pcmu()), from, a), video(seeing(sdes(media.AESCM80)), to, b)
	dir := t.TempDir()
	sdp, film := filepath.Join(dir, "in.sdp"), filepath.Join(dir, "seen.yuv")
	text := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video %d RTP/SAVP %d\r\na=rtpmap:%d H264/90000\r\n"+
		"a=fmtp:%d packetization-mode=1;profile-level-id=42e01f\r\na=crypto:1 %s inline:%s\r\n", to, far.In[0].Number, far.In[0].Number, far.In[0].Number,
		media.AESCM80, secretOf(far.KeyIn))
	if err := os.WriteFile(sdp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	wait := ffmpeg(t, "-protocol_whitelist", "file,rtp,udp,srtp,crypto", "-i", sdp, "-frames:v", "10", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-y", film)
	ffmpeg(t, "-re", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=15", "-t", "40", "-c:v", "libx264", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-g", "15",
		"-tune", "zerolatency", "-f", "rtp", "-payload_type", fmt.Sprint(near.Out[0].Number),
		fmt.Sprintf("rtp://127.0.0.1:%d?localrtpport=%d&pkt_size=1200", near.Transport.Addr.Port(), from))
	wait()
	info, err := os.Stat(film)
	if err != nil || info.Size() != 10*160*120*3/2 {
		t.Errorf("%v, %v: want 10 pictures", info, err)
	}
	if in := a.Stream(media.Video).Stats().In; in.Bad+in.Unknown+in.Lost > 0 {
		t.Errorf("pictures in: %+v", in)
	}
}
