package audio_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media/audio"
)

// counter is a decoder whose samples say which packet they come from: 20 ms of its second octet, and concealed ones are -1.
type counter struct{}

func (counter) Rate() int { return 48000 }

func (counter) Decode(pcm []int16, payload []byte) ([]int16, error) {
	if len(payload) < 2 {
		return pcm, errors.New("short")
	}
	for range 960 {
		pcm = append(pcm, int16(payload[1]))
	}
	return pcm, nil
}

func (counter) Conceal(pcm []int16, n int, _ []byte) []int16 {
	for range n {
		pcm = append(pcm, -1)
	}
	return pcm
}

// oggStream describes a stream of Ogg Opus for a test: packets of 20 ms, one a page.
type oggStream struct {
	packets  int
	size     int // of a packet; at least 2
	preskip  int
	gain     int16 // dB
	cut      int   // samples that the last page says are too many
	tags     int   // bytes
	missing  int   // packets before the last one that are left out with their pages
	offset   int   // samples that the granule position begins with
	channels byte
	family   []byte // mapping
	serial   uint32
}

// page writes one, cut as its lacing says.
func page(b []byte, flags byte, granule int64, serial, number uint32, lacing []byte, body []byte) []byte {
	at := len(b)
	b = append(b, "OggS\x00"...)
	b = append(b, flags)
	b = binary.LittleEndian.AppendUint64(b, uint64(granule))
	b = binary.LittleEndian.AppendUint32(b, serial)
	b = binary.LittleEndian.AppendUint32(b, number)
	b = append(b, 0, 0, 0, 0, byte(len(lacing)))
	b = append(append(b, lacing...), body...)
	binary.LittleEndian.PutUint32(b[at+22:], audio.OggSum(b[at:]))
	return b
}

// pages writes a packet on as many pages as it takes.
func pages(b []byte, flags byte, granule int64, serial uint32, number *uint32, packet []byte) []byte {
	lacing := append(bytes.Repeat([]byte{255}, len(packet)/255), byte(len(packet)%255))
	for len(lacing) > 255 {
		b = page(b, flags&^4, -1, serial, *number, lacing[:255], packet[:255*255])
		lacing, packet = lacing[255:], packet[255*255:]
		flags |= 1
		*number++
	}
	b = page(b, flags, granule, serial, *number, lacing, packet)
	*number++
	return b
}

func oggFile(s oggStream) []byte {
	if s.channels == 0 {
		s.channels = 1
	}
	if s.family == nil {
		s.family = []byte{0}
	}
	head := append([]byte("OpusHead\x01"), s.channels)
	head = binary.LittleEndian.AppendUint16(head, uint16(s.preskip))
	head = binary.LittleEndian.AppendUint32(head, 48000)
	head = binary.LittleEndian.AppendUint16(head, uint16(s.gain<<8))
	head = append(head, s.family...)
	number := uint32(0)
	b := pages(nil, 2, 0, s.serial, &number, head)
	b = pages(b, 0, 0, s.serial, &number, append([]byte("OpusTags"), make([]byte, s.tags)...))
	for i := 1; i <= s.packets; i++ {
		flags, granule := byte(0), int64(s.offset+i*960)
		if i == s.packets {
			flags, granule = 4, granule-int64(s.cut)
		} else if i >= s.packets-s.missing {
			number++
			continue
		}
		packet := append([]byte{19 << 3, byte(i)}, make([]byte, max(s.size-2, 0))...) // CELT, 20 ms, one frame
		b = pages(b, flags, granule, s.serial, &number, packet)
	}
	return b
}

// runs names the runs of equal samples, as [value, length] pairs.
func runs(pcm []int16) (all [][2]int) {
	for _, x := range pcm {
		if n := len(all); n > 0 && all[n-1][0] == int(x) {
			all[n-1][1]++
			continue
		}
		all = append(all, [2]int{int(x), 1})
	}
	return all
}

func openOgg(t testing.TB, file []byte) audio.Source {
	t.Helper()
	s, err := audio.NewOgg(bytes.NewReader(file), counter{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOgg(t *testing.T) {
	three := oggFile(oggStream{packets: 3, preskip: 312})
	damaged := slices.Clone(three)
	damaged[bytes.LastIndex(damaged, []byte{19 << 3, 2})+1] = 77 // the second packet's checksum does not fit
	chained := append(oggFile(oggStream{packets: 2, preskip: 100, serial: 5}), oggFile(oggStream{packets: 1, preskip: 60, serial: 6})...)
	for name, c := range map[string]struct {
		file []byte
		want [][2]int
	}{
		"plain":                          {three, [][2]int{{1, 648}, {2, 960}, {3, 960}}},
		"end cut":                        {oggFile(oggStream{packets: 3, preskip: 312, cut: 500}), [][2]int{{1, 648}, {2, 960}, {3, 460}}},
		"cut before the last page":       {oggFile(oggStream{packets: 3, cut: 1000}), [][2]int{{1, 960}, {2, 960}}},
		"one page, cut":                  {oggFile(oggStream{packets: 1, preskip: 10, cut: 900}), [][2]int{{1, 50}}},
		"pre-skip of more than a packet": {oggFile(oggStream{packets: 3, preskip: 1000}), [][2]int{{2, 920}, {3, 960}}},
		"begins late":                    {oggFile(oggStream{packets: 2, offset: 123456}), [][2]int{{1, 960}, {2, 960}}},
		"large packets":                  {oggFile(oggStream{packets: 2, size: 60000}), [][2]int{{1, 960}, {2, 960}}},
		"packets of 255":                 {oggFile(oggStream{packets: 2, size: 255}), [][2]int{{1, 960}, {2, 960}}},
		"large comments":                 {oggFile(oggStream{packets: 1, tags: 300_000}), [][2]int{{1, 960}}},
		"pages missing":                  {oggFile(oggStream{packets: 6, missing: 2}), [][2]int{{1, 960}, {2, 960}, {3, 960}, {-1, 1920}, {6, 960}}},
		"page damaged":                   {damaged, [][2]int{{1, 648}, {-1, 960}, {3, 960}}},
		"gain":                           {oggFile(oggStream{packets: 2, gain: 20}), [][2]int{{10, 960}, {20, 960}}},
		"chained":                        {chained, [][2]int{{1, 860}, {2, 960}, {1, 900}}},
		"junk between":                   {append(append(slices.Clone(three), "OggSome junk that is no page at all"...), oggFile(oggStream{packets: 1})...), [][2]int{{1, 648}, {2, 960}, {3, 960}, {1, 960}}},
		"stereo, mapped":                 {oggFile(oggStream{packets: 1, channels: 2, family: []byte{1, 1, 1, 0, 1}}), [][2]int{{1, 960}}},
		"beside another":                 {beside(three), [][2]int{{1, 648}, {2, 960}, {3, 960}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := openOgg(t, c.file)
			if got := runs(drain(t, s)); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if err := s.(audio.Seeker).SeekTo(0); err != nil {
				t.Fatal(err)
			}
			if again := runs(drain(t, s)); !slices.Equal(again, c.want) {
				t.Errorf("again %v, want %v", again, c.want)
			}
		})
	}
}

// beside interleaves a file with the pages of a stream that is not Opus.
func beside(file []byte) []byte {
	out := page(nil, 2, 0, 99, 0, []byte{7}, []byte("\x01vorbis"))
	for i, p := range bytes.Split(file, []byte("OggS"))[1:] {
		out = append(append(out, "OggS"...), p...)
		out = page(out, 0, 100, 99, uint32(i+1), []byte{4}, []byte("none"))
	}
	return out
}

func TestOggSeek(t *testing.T) {
	s := openOgg(t, oggFile(oggStream{packets: 100, preskip: 312})).(audio.Seeker)
	for _, at := range []time.Duration{time.Second, 0, 1990 * time.Millisecond, 20 * time.Millisecond, time.Hour, 500 * time.Millisecond} {
		if err := s.SeekTo(at); err != nil {
			t.Fatal(err)
		}
		got := drain(t, s)
		begin := 312 + int(at*48000/time.Second)
		if begin > 96000 {
			if len(got) != 0 {
				t.Errorf("%d samples %v from the beginning", len(got), at)
			}
			continue
		}
		if len(got) != 96000-begin || int(got[0]) != begin/960+1 {
			t.Errorf("%v: %d samples of packet %d on, want %d of %d on", at, len(got), got[0], 96000-begin, begin/960+1)
		}
	}
}

// TestOggPartial plays a file that was cut off at any byte up to the last whole page.
func TestOggPartial(t *testing.T) {
	whole := oggFile(oggStream{packets: 3})
	head := bytes.Index(whole[30:], []byte("OggS")) + 30
	for n := range whole {
		s, err := audio.NewOgg(bytes.NewReader(whole[:n]), counter{})
		if n < head {
			if err == nil {
				t.Fatalf("%d bytes: no error", n)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		full := bytes.Count(whole[:n], []byte{19 << 3})
		if got := drain(t, s); len(got) > full*960 || len(got) < (full-1)*960 {
			t.Fatalf("%d bytes: %d samples", n, len(got))
		}
	}
}

func TestOggRefused(t *testing.T) {
	later := bytes.Replace(oggFile(oggStream{packets: 1}), []byte("OpusHead\x01"), []byte("OpusHead\x11"), 1)
	resum(later)
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"vorbis":         {append(page(nil, 2, 0, 1, 0, []byte{7}, []byte("\x01vorbis")), page(nil, 0, 0, 1, 1, []byte{1}, []byte("x"))...), audio.ErrFormat},
		"six channels":   {oggFile(oggStream{packets: 1, channels: 6, family: []byte{1, 4, 2, 0, 1, 2, 3, 4, 5}}), audio.ErrFormat},
		"no channels":    {oggFile(oggStream{packets: 1, family: []byte{0}, channels: 3}), audio.ErrFormat},
		"short head":     {page(nil, 2, 0, 1, 0, []byte{8}, []byte("OpusHead")), audio.ErrMalformed},
		"later version":  {later, audio.ErrMalformed},
		"no page at all": {[]byte("OggS" + strings.Repeat("OggS and no page ", audio.MaxOggJunk/16)), audio.ErrMalformed},
		"head alone":     {[]byte("OggS and then nothing"), audio.ErrMalformed},
	} {
		if _, err := audio.NewOgg(bytes.NewReader(c.file), counter{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestOggLimits makes up for packets that are too long, and gives up where nothing but junk comes.
func TestOggLimits(t *testing.T) {
	long := oggFile(oggStream{packets: 2, size: audio.MaxOggPacket + 1})
	if got := runs(drain(t, openOgg(t, long))); !slices.Equal(got, [][2]int{{-1, 960}}) { // that the second one says were before it
		t.Errorf("%v of packets that are too long", got)
	}
	s := openOgg(t, append(oggFile(oggStream{packets: 1}), make([]byte, 2*audio.MaxOggJunk)...))
	pcm := make([]int16, 960)
	if n, err := s.Read(pcm); n != 960 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := s.Read(pcm); !errors.Is(err, audio.ErrMalformed) {
		t.Errorf("after junk: %v", err)
	}
}

func FuzzOgg(f *testing.F) {
	f.Add(oggFile(oggStream{packets: 3, preskip: 312, cut: 5}), true)
	f.Add(beside(oggFile(oggStream{packets: 2, size: 600, tags: 300})), true)
	f.Add(append(oggFile(oggStream{packets: 2}), oggFile(oggStream{packets: 1, offset: 1 << 40})...), false)
	f.Fuzz(func(t *testing.T, file []byte, sum bool) {
		if sum { // so that what is changed gets past the checksums
			for at := 0; at+27 <= len(file); at++ {
				if bytes.HasPrefix(file[at:], []byte("OggS")) {
					resum(file[at:])
				}
			}
		}
		r := bytes.NewReader(file)
		s, err := audio.NewOgg(r, counter{})
		if err != nil {
			return
		}
		first := readSome(t, s)
		if most := len(file) / 28 * 2 * 48000; first > most {
			t.Fatalf("%d samples in %d bytes", first, len(file))
		}
		if err := s.(audio.Seeker).SeekTo(0); err != nil {
			t.Fatal(err)
		}
		if again := readSome(t, s); again != first {
			t.Fatalf("%d samples, and %d from the beginning again", first, again)
		}
	})
}

func resum(b []byte) {
	n := 27 + int(b[26])
	if n > len(b) {
		return
	}
	for _, l := range b[27:n] {
		n += int(l)
	}
	if n <= len(b) {
		binary.LittleEndian.PutUint32(b[22:], audio.OggSum(b[:n]))
	}
}
