package media

import (
	"slices"
	"strings"
)

// common returns the formats of `theirs` that both `wanted` and p have, in their order, each with the parameters of the party that the
// answer speaks for. Telephone events stay at the clock rates of the sound that stays, where they can (RFC 4733 section 2.1). It is
// empty if no sound is left.
func (p *Policy) common(k Kind, theirs []Format, wanted []Codec) (in, out []Format) {
	in, out = make([]Format, 0, len(theirs)), make([]Format, 0, len(theirs))
	for _, f := range theirs {
		w, reading, ok := p.meet(k, f.Codec, wanted)
		if ok {
			in, out = append(in, Format{f.Number, answerParams(w, reading)}), append(out, Format{f.Number, reading})
		}
	}
	return matchEvents(in), matchEvents(out)
}

// meet finds the first of the wanted codecs that the far side's c can stand for and that p allows. w has parameters; reading is c as it
// has to be understood.
func (p *Policy) meet(k Kind, c Codec, wanted []Codec) (w, reading Codec, ok bool) {
	var one [1]Codec
	readings := p.readings(one[:0], c)
	for _, w := range wanted {
		for _, reading := range readings {
			if !w.Matches(reading) {
				continue
			}
			ours, ok := p.allowed(k, reading)
			if !ok && p.takesH264(reading) {
				ours, ok = reading, true
			}
			if ok {
				if w.Params == "" {
					w.Params = ours.Params
				}
				return w, reading, true
			}
		}
	}
	return Codec{}, Codec{}, false
}

// allowed returns what p has for a codec that somebody wants: its own entry, or c itself where p passes it on.
func (p *Policy) allowed(k Kind, c Codec) (Codec, bool) {
	if ours, ok := findCodec(p.codecs(k), c); ok {
		return ours, true
	}
	return c, len(p.codecs(k)) > 0 && slices.ContainsFunc(p.Pass, func(name string) bool { return strings.EqualFold(name, c.Name) })
}

// takesH264 reports whether c is H.264, and p takes it as others have it.
func (p *Policy) takesH264(c Codec) bool {
	return p.AnyH264 && strings.EqualFold(c.Name, nameH264) && slices.ContainsFunc(p.Video, func(v Codec) bool { return v.Name == nameH264 })
}

// asOffered finds the offered format of H.264 that an answer names by its number, whatever it says of it. What it does not say is as it was
// offered. Many devices answer so with what their camera does.
func (p *Policy) asOffered(offered []Format, f Format) (in Format, reading Codec, ok bool) {
	i := slices.IndexFunc(offered, func(o Format) bool { return o.Number == f.Number && strings.EqualFold(o.Codec.Name, nameH264) })
	if i < 0 || !p.takesH264(f.Codec) || f.Codec.ClockRate != offered[i].Codec.ClockRate || f.Codec.Channels != offered[i].Codec.Channels {
		return Format{}, Codec{}, false
	}
	in, reading = offered[i], f.Codec
	for _, name := range [...]string{"profile-level-id", "packetization-mode"} {
		if _, said := param(reading.Params, name); said {
			continue
		}
		if value, has := param(in.Codec.Params, name); has {
			reading.Params = withParam(reading.Params, name, value)
		}
	}
	if !in.Codec.Matches(reading) {
		in.Codec = reading
	}
	said := h264Of(reading.Params)
	return in, reading, said.profile != h264Unknown && (said.mode == "0" || said.mode == "1") // nobody changes to interleaved units
}

// paramSets is the format parameter with what a decoder of H.264 has to be told first (RFC 6184 section 8.1).
const paramSets = "sprop-parameter-sets"

// anyH264Table are the profiles that H.264 without parameters is read as, where the policy says so: all that a decoder of High can
// take, each at level 4.1.
var anyH264Table = [...]string{"42e029", "640029", "640c29", "4d0029", "420029"}

// readings appends the codecs that the far side's c can stand for.
func (p *Policy) readings(all []Codec, c Codec) []Codec {
	if _, said := param(c.Params, "profile-level-id"); said || !p.AnyH264 || !strings.EqualFold(c.Name, nameH264) {
		return append(all, c)
	}
	modes := []int{1, 0}
	switch mode, _ := param(c.Params, "packetization-mode"); mode {
	case "0":
		modes = []int{0}
	case "1":
		modes = []int{1}
	}
	for _, r := range anyH264(modes...) {
		r.ClockRate, r.Channels = c.ClockRate, c.Channels
		if sets, ok := param(c.Params, paramSets); ok {
			r.Params = withParam(r.Params, paramSets, sets)
		}
		all = append(all, r)
	}
	return all
}

// anyH264 returns all of anyH264Table in some packetization modes, mode by mode.
func anyH264(modes ...int) []Codec {
	var all []Codec
	for _, mode := range modes {
		for _, profile := range anyH264Table {
			all = append(all, H264(profile, mode))
		}
	}
	return all
}

// single cuts the formats of an answer down to the one that the wanted codecs prefer, and the telephone events.
func single(in, out []Format, wanted []Codec) ([]Format, []Format) {
	at := -1
	for _, w := range wanted {
		if at = slices.IndexFunc(out, func(f Format) bool { return !f.Codec.IsDigits() && w.Matches(f.Codec) }); at >= 0 {
			break
		}
	}
	if at < 0 {
		return in, out
	}
	i, o := in[:0:0], out[:0:0]
	for n := range out {
		if n == at || out[n].Codec.IsDigits() {
			i, o = append(i, in[n]), append(o, out[n])
		}
	}
	return matchEvents(i), matchEvents(o)
}

// Read returns what a description says of its sender, as p reads it: Description.Plan, but that H.264 without parameters is all that it
// stands for where p has AnyH264. It is what another leg is to be offered before p has answered.
func (p *Policy) Read(d Description) Plan { return p.read(d.Plan()) }

// read returns what a description of the far side says, with its formats as p reads them.
func (p *Policy) read(said Plan) Plan {
	for i := range said {
		if said[i].Kind != Video || len(p.Video) == 0 {
			continue
		}
		var codecs []Codec
		for _, c := range said[i].Codecs {
			codecs = p.readings(codecs, c)
		}
		said[i].Codecs = codecs
	}
	return said
}

// answerParams fits the parameters of w to an offered codec: the level of H.264 is that of w where both sides let it differ, else the
// lower of the two, under the offered profile (RFC 6184 section 8.2.2).
func answerParams(w, offered Codec) Codec {
	if !strings.EqualFold(w.Name, nameH264) {
		return w
	}
	ours, theirs := h264Of(w.Params), h264Of(offered.Params)
	if ours.profile == h264Unknown || ours.asymmetry && theirs.asymmetry {
		return w
	}
	if ours.level > theirs.level {
		w.Params = withParam(w.Params, "profile-level-id", paramOr(offered.Params, "profile-level-id", h264Default))
	}
	return w
}

// matchEvents drops the telephone events whose clock is not that of any sound, unless none would be left, and everything if there
// is no sound.
func matchEvents(fs []Format) []Format {
	var clocks []int
	for _, f := range fs {
		if !f.Codec.IsDigits() {
			clocks = append(clocks, f.Codec.ClockRate)
		}
	}
	if clocks == nil {
		return nil
	}
	stray := func(f Format) bool { return f.Codec.IsDigits() && !slices.Contains(clocks, f.Codec.ClockRate) }
	if slices.ContainsFunc(fs, func(f Format) bool { return f.Codec.IsDigits() && !stray(f) }) {
		return slices.DeleteFunc(slices.Clone(fs), stray)
	}
	return fs
}
