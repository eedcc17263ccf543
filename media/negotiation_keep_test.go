package media

import (
	"net/netip"
	"reflect"
	"testing"
	"unsafe"
)

// plainSection is one that is kept in the smaller form.
func plainSection() section {
	at := netip.MustParseAddrPort("192.0.2.1:5004")
	formats := []Format{{0, PCMU()}, {101, TelephoneEvent(8000)}}
	return section{
		media: "audio", proto: protoAVP, kind: Audio, live: true, in: formats, out: formats, known: formats,
		wanted: SendRecv, dir: SendRecv, far: Transport{Addr: at, RTCP: netip.AddrPortFrom(at.Addr(), 5005)}, shared: true, refused: []string{"0", "PCMU/8000"},
	}
}

// alter gives a value another one.
func alter(t *testing.T, v reflect.Value) {
	v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem() // which may be set
	switch v.Kind() {
	case reflect.String:
		v.SetString("other")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Uint8:
		v.SetUint(v.Uint() ^ 1)
	case reflect.Int64:
		v.SetInt(30_000_000)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Array:
		alter(t, v.Index(0))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[netip.AddrPort]() {
			v.Set(reflect.ValueOf(netip.MustParseAddrPort("[2001:db8::1]:7000")))
			return
		}
		alter(t, v.Field(0))
	default:
		t.Fatalf("%v: teach alter how to change it", v.Type())
	}
}

// TestKeepLosesNothing alters each field of a section, and of what it says of the far side, and finds it again in what was kept.
func TestKeepLosesNothing(t *testing.T) {
	check := func(name string, s section, small bool) {
		t.Helper()
		kept := Phone().keep([]section{s}, nil)
		if !reflect.DeepEqual(kept[0].section(), s) {
			t.Errorf("%s altered: what was kept differs", name)
		}
		if got := kept[0].whole == nil; got != small {
			t.Errorf("%s altered: in the smaller form is %v, want %v", name, got, small)
		}
	}
	check("nothing", plainSection(), true)
	inPlace := map[string]bool{
		"in": true, "out": true, "known": true, "wanted": true, "dir": true, "shared": true, "ptime": true, "maxPTime": true,
		"Mux": true, "Client": true, "RTCP": false, "Addr": false, // both at one address
	}
	for i := range reflect.TypeFor[section]().NumField() {
		s := plainSection()
		f := reflect.TypeFor[section]().Field(i)
		if f.Name == "refused" || f.Type == reflect.TypeFor[Transport]() {
			continue // that of a section which is live names its first format
		}
		alter(t, reflect.ValueOf(&s).Elem().Field(i))
		if f.Name == "in" {
			s.refused = []string{"0", "/0"}
		}
		check(f.Name, s, inPlace[f.Name])
	}
	for i := range reflect.TypeFor[Transport]().NumField() {
		s := plainSection()
		alter(t, reflect.ValueOf(&s.far).Elem().Field(i))
		name := reflect.TypeFor[Transport]().Field(i).Name
		check(name, s, inPlace[name])
	}
	for name, change := range map[string]func(*section){
		"AVPF":       func(s *section) { s.proto = protoAVPF },
		"no RTCP":    func(s *section) { s.far.RTCP = netip.AddrPort{} },
		"no address": func(s *section) { s.far.Addr, s.far.RTCP = netip.AddrPort{}, netip.AddrPort{} },
		"both alike": func(s *section) { s.far.RTCP, s.far.Mux = s.far.Addr, true },
	} {
		s := plainSection()
		change(&s)
		check(name, s, true)
	}
}

// TestKeepShares keeps what is alike once, and codecs where the policy has them.
func TestKeepShares(t *testing.T) {
	p, s := Phone(), plainSection()
	s.out = append([]Format(nil), s.in...)
	first := p.keep([]section{s}, nil)[0]
	if &first.in[0] != &first.out[0] || &first.in[0] != &first.known[0] {
		t.Error("lists that are alike are kept twice")
	}
	if first.in[0].codec != &p.Audio[2] || first.in[1].codec != &p.Audio[4] {
		t.Error("the policy's codecs are kept again")
	}
	s.known = append(s.known, Format{97, Codec{Name: "iLBC", ClockRate: 8000, Channels: 1}})
	second := p.keep([]section{s}, []kept{first})[0]
	if &second.in[0] != &first.in[0] || len(second.known) != 3 {
		t.Error("what stood before is kept again")
	}
	plan := Plan{{Kind: Audio, Dir: SendOnly, Codecs: []Codec{PCMU(), {Name: "iLBC", ClockRate: 8000, Channels: 1}}}}
	if got := planOf(p.keepPlan(plan)); !got.Equal(plan) || planOf(p.keepPlan(nil)) != nil {
		t.Errorf("kept %v, want %v", got, plan)
	}
}
