package media

import (
	"strconv"
	"strings"
)

// Matches reports whether c and d are the same format, so that a packet of one may be sent as the other without a change of its
// payload. Parameters that only state a receiver's preference do not count; those that change the payload do: profile and
// packetization mode of H.264 (RFC 6184 section 8.2.2), the configuration of AAC (RFC 3640, RFC 6416), and the like. The level of H.264
// does not count, for it may be lowered in an answer.
func (c Codec) Matches(d Codec) bool {
	if !strings.EqualFold(c.Name, d.Name) || c.ClockRate != d.ClockRate || c.Channels != d.Channels {
		return false
	}
	if c.Params == d.Params {
		return true
	}
	if strings.EqualFold(c.Name, nameH264) {
		a, b := h264Of(c.Params), h264Of(d.Params)
		return a.profile != h264Unknown && a.profile == b.profile && a.mode == b.mode
	}
	for i := range decisiveTable {
		if rule := &decisiveTable[i]; strings.EqualFold(rule.name, c.Name) && !sameParam(c.Params, d.Params, rule.param, rule.absent) {
			return false
		}
	}
	return true
}

// decisiveTable names the format parameters that change what stands in a packet, and the value of each where it is absent.
var decisiveTable = [...]struct{ name, param, absent string }{
	{nameAAC, "mode", ""}, // RFC 3640 section 4.1
	{nameAAC, "config", ""},
	{nameAAC, "sizelength", "0"},
	{nameAAC, "indexlength", "0"},
	{nameAAC, "indexdeltalength", "0"},
	{nameAAC, "constantsize", "0"},
	{nameAAC, "constantduration", "0"},
	{nameLATM, "cpresent", "1"}, // RFC 6416 section 7.3
	{nameLATM, "config", ""},
	{nameLATM, "object", ""},
	{nameRTX, "apt", ""},           // RFC 4588 section 8.1
	{"VP9", "profile-id", "0"},     // RFC 9628 section 6
	{"AMR", "octet-align", "0"},    // RFC 4867 section 8.1
	{"AMR-WB", "octet-align", "0"}, // RFC 4867 section 8.2
	{"G7221", "bitrate", ""},       // RFC 5577 section 6.1
}

func sameParam(a, b, name, absent string) bool {
	return strings.EqualFold(paramOr(a, name, absent), paramOr(b, name, absent))
}

// param finds the value of a format parameter in "a=1;b=2". Names compare without regard to case. It does not allocate.
func param(params, name string) (string, bool) {
	for params != "" {
		var one string
		one, params, _ = strings.Cut(params, ";")
		if n, v, _ := strings.Cut(one, "="); strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}

func paramOr(params, name, absent string) string {
	if v, ok := param(params, name); ok {
		return v
	}
	return absent
}

// withParam returns params with one of them set, in its place or at the end.
func withParam(params, name, value string) string {
	var parts []string
	found := false
	for one := range strings.SplitSeq(params, ";") {
		one = strings.TrimSpace(one)
		if n, _, _ := strings.Cut(one, "="); strings.EqualFold(strings.TrimSpace(n), name) {
			if found {
				continue
			}
			one, found = name+"="+value, true
		}
		if one != "" {
			parts = append(parts, one)
		}
	}
	if !found {
		parts = append(parts, name+"="+value)
	}
	return strings.Join(parts, ";")
}

// h264Profile is what a profile-level-id says of the tools of the bit stream.
// One that is not in the table stands for itself, as its profile_idc and profile-iop.
type h264Profile uint16

const (
	h264Unknown h264Profile = iota
	h264ConstrainedBaseline
	h264Baseline
	h264Main
	h264Extended
	h264High
	h264ConstrainedHigh
)

// h264 is what the format parameters of H.264 say.
type h264 struct {
	profile   h264Profile
	level     int // level_idc, 9 for level 1b
	mode      string
	asymmetry bool // level-asymmetry-allowed
}

// h264ProfileTable is table 5 of RFC 6184 section 8.1: where profile_idc and these bits of profile-iop are as given, the bit stream is
// of that profile. The first that fits counts.
var h264ProfileTable = [...]struct {
	idc, mask, bits uint8
	profile         h264Profile
}{
	{0x42, 0x4f, 0x40, h264ConstrainedBaseline},
	{0x4d, 0x8f, 0x80, h264ConstrainedBaseline},
	{0x58, 0xcf, 0xc0, h264ConstrainedBaseline},
	{0x42, 0x4f, 0x00, h264Baseline},
	{0x58, 0xcf, 0x80, h264Baseline},
	{0x4d, 0xaf, 0x00, h264Main},
	{0x58, 0xcf, 0x00, h264Extended},
	{0x64, 0xff, 0x00, h264High},
	{0x64, 0xff, 0x0c, h264ConstrainedHigh},
}

// h264Default is the profile-level-id where none is given: Baseline at level 1 (RFC 6184 section 8.1).
const h264Default = "42000a"

// h264Of reads format parameters of H.264. A profile-level-id that is malformed is h264Unknown.
func h264Of(params string) h264 {
	h := h264{mode: paramOr(params, "packetization-mode", "0"), asymmetry: paramOr(params, "level-asymmetry-allowed", "0") == "1"}
	id, err := strconv.ParseUint(paramOr(params, "profile-level-id", h264Default), 16, 24)
	if err != nil {
		return h
	}
	idc, iop := uint8(id>>16), uint8(id>>8)
	h.profile = h264Profile(id >> 8)
	for _, row := range h264ProfileTable {
		if row.idc == idc && iop&row.mask == row.bits {
			h.profile = row.profile
			break
		}
	}
	h.level = int(id & 0xff)
	if h.level == 11 && iop&0x10 != 0 && (idc == 0x42 || idc == 0x4d || idc == 0x58) {
		h.level = 9 // level 1b, between 1 and 1.1, is written as 1.1 with constraint_set3 (RFC 6184 section 8.1)
	}
	return h
}
