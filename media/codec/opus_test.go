package codec_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

var opusRateTable = [...]int{8000, 12000, 16000, 24000, 48000}

func opusDecoder(t testing.TB, o *codec.Options) codec.Decoder {
	t.Helper()
	d, err := codec.NewDecoder(media.Opus(), o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func pureOpusDecoder(t testing.TB, rate int) codec.Decoder {
	t.Helper()
	d, err := codec.NewPureDecoder(media.Opus(), &codec.Options{Rate: rate})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// An opusStream is what libopus 1.6.1 made of a signal.
type opusStream struct {
	Mode, Bandwidth string
	FrameSize       int `json:"frame_size"`
	Channels        int
	Packets         []opusStreamPacket
}

type opusStreamPacket struct {
	Data  string `json:"data_b64"`
	Range uint32 `json:"final_range"` // of the range coder when the packet is done
}

func (s *opusStream) String() string {
	return fmt.Sprintf("%s %s %d samples %d channels", s.Mode, s.Bandwidth, s.FrameSize, s.Channels)
}

// packets are the payloads.
func (s *opusStream) packets(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	for _, p := range s.Packets {
		data, err := base64.StdEncoding.DecodeString(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	return all
}

func opusStreams(t testing.TB) []opusStream {
	t.Helper()
	const file = "codec/opus-libopus-packets/encoder_compliance_libopus_packets_fixture_linux_amd64.json"
	data, err := os.ReadFile(filepath.Join(testutil.Corpora(t), file))
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Cases []opusStream }
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Cases) != 23 {
		t.Fatalf("%d streams, want 23", len(all.Cases))
	}
	return all.Cases
}

// decodeAll returns the samples of packets that all arrive.
func decodeAll(t testing.TB, d codec.Decoder, packets [][]byte) []int16 {
	t.Helper()
	var pcm []int16
	for i, p := range packets {
		var err error
		if pcm, err = d.Decode(pcm, p); err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
	}
	return pcm
}

// snr is how far, in dB, the difference of two sounds lies below the first.
func snr(want, got []int16) float64 {
	signal, noise := 0.0, 1e-9
	for i, x := range want {
		e := float64(x) - float64(got[i])
		signal, noise = signal+float64(x)*float64(x), noise+e*e
	}
	return 10 * math.Log10(signal/noise)
}

type newDecoder func(c media.Codec, o *codec.Options) (codec.Decoder, error)

// checkOpus compares what decoders make of all streams with the samples of reference, at 48 kHz and of one channel.
func checkOpus(t *testing.T, decoder newDecoder, reference func(t *testing.T, s *opusStream) []int16) {
	for _, s := range opusStreams(t) {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			want := reference(t, &s)
			rates := opusRateTable[4:]
			switch s.String() { // one of all modes, and one of SILK alone
			case "silk wb 960 samples 1 channels", "hybrid swb 960 samples 1 channels":
				rates = opusRateTable[:]
			}
			for _, rate := range rates {
				d, err := decoder(media.Opus(), &codec.Options{Rate: rate})
				if err != nil {
					t.Fatal(err)
				}
				got := decodeAll(t, d, s.packets(t))
				if len(got) != len(want)*rate/48000 {
					t.Fatalf("%d samples at %d Hz, want %d", len(got), rate, len(want)*rate/48000)
				}
				if rate == 48000 {
					if ratio, least := snr(want, got), leastOpusSNR(&s); ratio < least {
						t.Errorf("%.1f dB above the difference, want %.0f", ratio, least)
					}
				}
				if s.Mode == "silk" && s.Channels == 2 {
					continue // nothing is left of it below 200 Hz in the mix; TestOpusInteropStereo measures its channels
				}
				if quality := opusQuality([][]int16{want}, [][]int16{got}, rate); quality < 0 {
					t.Errorf("quality %.1f at %d Hz, want 0 or more (RFC 6716 section 6)", quality, rate)
				}
			}
		})
	}
}

// leastOpusSNR is how alike a decoder has to be to libopus, in dB: exact but for rounding where nothing but CELT is, and where SILK is, whose
// fixed point is not that of every decoder, far below what is heard. One that mixes two channels down before it turns phases back may differ.
func leastOpusSNR(s *opusStream) float64 {
	switch {
	case s.Mode == "silk" || s.Bandwidth == "swb" && s.FrameSize == 960:
		return 46
	case s.Channels == 2:
		return 36
	}
	return 85
}

func TestOpusEnds(t *testing.T) {
	if _, err := codec.NewDecoder(media.Codec{Name: "opus", ClockRate: 16000, Channels: 1}, nil); !errors.Is(err, codec.ErrUnknown) {
		t.Errorf("Opus with a clock of 16 kHz: %v, want ErrUnknown (RFC 7587 section 4.1)", err)
	}
	for wish, want := range map[int]int{0: 48000, 8000: 8000, 11025: 12000, 16000: 16000, 22050: 24000, 44100: 48000, 96000: 48000} {
		if got := opusDecoder(t, &codec.Options{Rate: wish}).Rate(); got != want {
			t.Errorf("a wish for %d Hz gives %d, want %d", wish, got, want)
		}
	}
	var e *codec.Error
	pcm, err := opusDecoder(t, nil).Decode(make([]int16, 7), nil)
	if len(pcm) != 7 || !errors.As(err, &e) || e.Codec != media.Opus() || !errors.Is(err, codec.ErrPayload) {
		t.Errorf("an empty payload: %d samples, %v, want 7 and ErrPayload of Opus", len(pcm), err)
	}
}

// TestOpusSpeakable wants of a leg no Opus of ours where this build has none.
func TestOpusSpeakable(t *testing.T) {
	if !codec.Decodes(media.Opus()) || codec.Encodes(media.Opus()) != codec.HasLibopus {
		t.Errorf("decodes Opus: %t, encodes it: %t, with libopus: %t", codec.Decodes(media.Opus()), codec.Encodes(media.Opus()), codec.HasLibopus)
	}
	e, err := codec.NewEncoder(media.Opus(), nil)
	if codec.HasLibopus && (err != nil || e.Rate() != 48000) || !codec.HasLibopus && !errors.Is(err, codec.ErrNoEncoder) {
		t.Errorf("an encoder: %v, with libopus: %t", err, codec.HasLibopus)
	}
	all := []media.Codec{media.Opus(), media.G722(), media.PCMU(), media.TelephoneEvent(8000)}
	want := all
	if !codec.HasLibopus {
		want = all[1:]
	}
	plan := codec.Speakable(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: all}, {Kind: media.Video, Codecs: []media.Codec{media.VP8()}}})
	if len(plan) != 1 || !slices.Equal(plan[0].Codecs, want) || plan[0].Dir != media.SendRecv {
		t.Errorf("speakable is %v, want %v", plan, want)
	}
}

// opusSpeech are packets of speech.
func opusSpeech(t testing.TB) [][]byte {
	t.Helper()
	for _, s := range opusStreams(t) {
		if s.Mode == "silk" && s.Bandwidth == "wb" && s.FrameSize == 960 && s.Channels == 1 {
			return s.packets(t)
		}
	}
	t.Fatal("no stream of speech")
	return nil
}

// TestOpusPause has a source stop in the midst of a word, by the first octet of a packet alone, or one more, and begin again.
func TestOpusPause(t *testing.T) {
	packets := opusSpeech(t)
	one, many := packets[0][0]&^3, packets[0][0]|3
	for _, pause := range [][]byte{{one}, {one, 0}, {many, 1}, {many, 0x41, 3, 0, 0, 0}} {
		d := pureOpusDecoder(t, 16000)
		before := decodeAll(t, d, packets[:20])
		var quiet []int16
		for range 35 {
			quiet = append(quiet, decodeAll(t, d, [][]byte{pause})...)
		}
		if len(quiet) != 35*320 {
			t.Fatalf("%x: %d samples of pause, want %d", pause, len(quiet), 35*320)
		}
		loud, first, last := sound.Power(before[19*320:]), sound.Power(quiet[:160]), sound.Power(quiet[len(quiet)-320:])
		if first < -50 || first > -37 || last > -80 {
			t.Errorf("%x: after %.0f dBFS the pause has %.0f dBFS, and then %.0f", pause, loud, first, last)
		}
		after := decodeAll(t, d, packets[20:])
		if got, want := sound.Power(after), sound.Power(decodeAll(t, pureOpusDecoder(t, 16000), packets)); math.Abs(got-want) > 6 {
			t.Errorf("%x: what follows has %.1f dBFS, want about %.1f", pause, got, want)
		}
	}
}

func TestOpusFramesTogether(t *testing.T) {
	packets := opusSpeech(t)
	apart := decodeAll(t, opusDecoder(t, nil), packets[:48])
	var joined [][]byte
	for i := 0; i < 48; i += 6 {
		p, data := []byte{packets[i][0] | 3, 0x80 | 6}, []byte(nil)
		for k, packet := range packets[i : i+6] {
			frame := codec.OpusFrames(packet)[0]
			if data = append(data, frame...); k < 5 {
				p = appendOpusSize(p, len(frame))
			}
		}
		p = append(p, data...)
		joined = append(joined, p)
	}
	if got := decodeAll(t, opusDecoder(t, nil), joined); snr(apart, got) < 100 {
		t.Errorf("six frames a packet are %.1f dB above their difference from one a packet, want the same", snr(apart, got))
	}
}

// appendOpusSize appends the size of a frame (RFC 6716 section 3.2.1).
func appendOpusSize(p []byte, n int) []byte {
	if n < 252 {
		return append(p, byte(n))
	}
	return append(p, byte(252+n%4), byte((n-252)/4))
}

func TestOpusDecodeAllocs(t *testing.T) {
	packets := opusSpeech(t)
	d := opusDecoder(t, nil)
	pcm, i := decodeAll(t, d, packets), 0
	if n := testing.AllocsPerRun(100, func() {
		pcm, _ = d.Decode(pcm[:0], packets[i%len(packets)])
		pcm = d.Conceal(pcm, 960, packets[(i+2)%len(packets)])
		i++
	}); n != 0 {
		t.Errorf("%v allocations a packet, want none", n)
	}
}

func BenchmarkOpusDecode(b *testing.B) {
	for _, s := range opusStreams(b) {
		if s.FrameSize != 960 || s.Channels != 1 || s.Bandwidth == "mb" {
			continue
		}
		packets := s.packets(b)
		for _, rate := range []int{16000, 48000} {
			b.Run(fmt.Sprintf("%s-%s/%d", s.Mode, s.Bandwidth, rate), func(b *testing.B) {
				d := opusDecoder(b, &codec.Options{Rate: rate})
				pcm, i := make([]int16, 0, rate/codec.FramesPerSecond), 0
				b.ReportAllocs()
				for b.Loop() {
					pcm, _ = d.Decode(pcm[:0], packets[i%len(packets)])
					i++
				}
				b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(20*time.Millisecond)*100, "%core")
			})
		}
	}
}
