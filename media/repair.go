package media

import (
	"strconv"
	"strings"
)

// A Repair is the payload type under which packets of another one are sent again (RFC 4588).
type Repair struct {
	Number uint8 // of what is sent again
	Of     uint8 // what it was sent as
}

const nameRTX = "rtx"

// rtx returns the format of retransmissions of a payload type.
func rtx(of uint8) Codec {
	return Codec{Name: nameRTX, ClockRate: 90000, Channels: 1, Params: "apt=" + strconv.Itoa(int(of))}
}

// repaired returns what c is a retransmission of.
func (c Codec) repaired() (of uint8, ok bool) {
	apt, _ := param(c.Params, "apt")
	n, err := strconv.ParseUint(apt, 10, 7)
	return uint8(n), err == nil && strings.EqualFold(c.Name, nameRTX) && c.ClockRate == 90000
}

// repairs finds the retransmissions of the formats of a section, which its description m names. They make sense only where lost packets
// are asked for. offered is nil in an answer of ours: there the offerer's numbers hold both ways.
func (s *section) repairs(p *Policy, formats []Format, offered []Repair) {
	s.repairIn, s.repairOut = nil, nil
	if !p.RTX || s.kind != Video {
		return
	}
	for i, f := range s.out {
		number, ok := repairOf(formats, f.Number)
		if !ok || !s.feedback[i].Has(NACK) || uses(s.out, number) {
			continue
		}
		in := Repair{number, s.in[i].Number}
		if offered != nil {
			if in, ok = offeredRepair(offered, s.in[i].Number); !ok {
				continue
			}
		}
		s.repairIn, s.repairOut = append(s.repairIn, in), append(s.repairOut, Repair{number, f.Number})
		s.known = remember(s.known, []Format{{number, rtx(f.Number)}})
	}
}

// repairOf finds the first format that retransmits another.
func repairOf(formats []Format, of uint8) (uint8, bool) {
	for _, f := range formats {
		if apt, ok := f.Codec.repaired(); ok && apt == of {
			return f.Number, true
		}
	}
	return 0, false
}

func offeredRepair(offered []Repair, of uint8) (Repair, bool) {
	for _, r := range offered {
		if r.Of == of {
			return r, true
		}
	}
	return Repair{}, false
}

// repair gives a payload type to the retransmissions of each codec that a section offers.
func (o *offering) repair(s *section) {
	s.repairIn, s.repairOut = nil, nil
	if !o.p.RTX || s.kind != Video || !o.p.Feedback.Has(NACK) {
		return
	}
	taken := append([]Format(nil), s.in...)
	for _, f := range s.in {
		c := rtx(f.Number)
		n, ok := o.number(c, taken, s)
		if !ok {
			return
		}
		taken = append(taken, Format{n, c})
		s.repairIn = append(s.repairIn, Repair{n, f.Number})
		s.known = remember(s.known, taken[len(taken)-1:])
	}
}

// repairs writes the formats of retransmissions, which follow the others in the m-line.
func (w *writer) repairs(s *section) {
	for _, r := range s.repairIn {
		c := rtx(r.Of)
		w.line("a=rtpmap:", strconv.Itoa(int(r.Number)), " ", c.String())
		w.line("a=fmtp:", strconv.Itoa(int(r.Number)), " ", c.Params)
	}
}
