package siptest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// A VideoSource is what a phone shows in its calls, in H.264. The zero VideoSource is Pictures(128, 96). A VideoSource may be shared by
// phones and calls: each call shows it from its start.
type VideoSource struct {
	load func(largest int) (film, error) // no NAL unit may have more than largest bytes; 0: any may
}

// film is a source that has been read.
type film struct {
	sequence, picture []byte      // the parameter sets of its first key frame
	start             func() reel // begins it anew
}

// A reel gives one access unit after the other; key asks for a key frame. The caller must not change what it gets.
type reel interface{ next(key bool) accessUnit }

// accessUnit is one picture in NAL units without start codes. The parameter sets of a key frame stand apart, those of others are nil.
type accessUnit struct {
	sets  [][]byte
	units [][]byte
	key   bool
}

// The types of NAL units that matter here (H.264 table 7-1, RFC 6184 table 1).
const (
	unitSlice     = 1
	unitIDR       = 5
	unitSEI       = 6
	unitSequence  = 7
	unitPicture   = 8
	unitDelimiter = 9
	unitSTAPA     = 24
	unitFUA       = 28
)

// unitType returns the type of a NAL unit, 0 for one that is empty.
func unitType(unit []byte) byte {
	if len(unit) == 0 {
		return 0
	}
	return unit[0] & 0x1F
}

// Limits of a stream that is played.
const (
	maxFilm  = 64 << 20 // bytes
	maxUnits = 1 << 20  // NAL units
)

// AnnexB returns a VideoSource that plays the byte stream of r (H.264 annex B), as ffmpeg's and GStreamer's encoders write it, over and over. It is
// read to its end when the first phone that shows it is made, and may have 64 MB. It must begin with a key frame and its parameter
// sets. A request for a key frame makes the stream jump ahead to its next one.
func AnnexB(r io.Reader) VideoSource {
	var once sync.Once
	var data []byte
	var failed error
	return VideoSource{load: func(largest int) (film, error) {
		once.Do(func() { data, failed = io.ReadAll(io.LimitReader(r, maxFilm+1)) })
		if failed != nil {
			return film{}, fmt.Errorf("siptest: H.264: %w", failed)
		}
		return filmOf(data, largest)
	}}
}

// AnnexBFile is AnnexB for the file at path.
func AnnexBFile(path string) VideoSource {
	return VideoSource{load: func(largest int) (film, error) {
		f, err := os.Open(path)
		if err != nil {
			return film{}, fmt.Errorf("siptest: H.264: %w", err)
		}
		defer func() { _ = f.Close() }()
		return AnnexB(f).load(largest)
	}}
}

// filmOf returns what a byte stream shows.
func filmOf(data []byte, largest int) (film, error) {
	if len(data) > maxFilm {
		return film{}, fmt.Errorf("siptest: H.264: a stream of more than %d bytes", maxFilm)
	}
	all, err := splitAnnexB(data)
	if err != nil {
		return film{}, err
	}
	units, err := group(all)
	if err != nil {
		return film{}, err
	}
	for _, u := range all {
		if largest > 0 && len(u) > largest {
			return film{}, fmt.Errorf("siptest: H.264: a NAL unit of %d bytes needs packetization mode 1", len(u))
		}
	}
	f := film{start: func() reel { return &loopReel{units: units} }}
	for _, set := range units[0].sets {
		switch unitType(set) {
		case unitSequence:
			f.sequence = set
		case unitPicture:
			f.picture = set
		}
	}
	return f, nil
}

// splitAnnexB returns the NAL units of a byte stream (H.264 annex B.1). They alias data.
func splitAnnexB(data []byte) ([][]byte, error) {
	var units [][]byte
	start, zeros := -1, 0
	for i, b := range data {
		switch {
		case b == 0:
			zeros++
			continue
		case b == 1 && zeros >= 2:
			if start >= 0 && i-zeros > start {
				units = append(units, data[start:i-zeros])
			}
			if start = i + 1; len(units) > maxUnits {
				return nil, fmt.Errorf("siptest: H.264: a stream of more than %d NAL units", maxUnits)
			}
		}
		zeros = 0
	}
	if end := len(data) - zeros; start >= 0 && end > start {
		units = append(units, data[start:end])
	}
	if len(units) == 0 {
		return nil, errors.New("siptest: H.264: no byte stream")
	}
	return units, nil
}

// group makes access units of NAL units (H.264 section 7.4.1.2.3, for streams whose slices are in order).
func group(units [][]byte) ([]accessUnit, error) {
	var all []accessUnit
	var current accessUnit
	var sets parameterSets
	shown := false // current has a slice
	flush := func() {
		if shown {
			if current.key {
				current.sets = sets.list()
			}
			all = append(all, current)
			current, shown = accessUnit{}, false
		}
	}
	for _, u := range units {
		kind := unitType(u)
		slice := kind >= unitSlice && kind <= unitIDR
		// The first bit of a slice is 1 where it begins with macroblock 0: ue(0).
		if shown && (!slice && kind >= unitSEI && kind <= unitDelimiter || slice && len(u) > 1 && u[1]&0x80 != 0) {
			flush()
		}
		switch {
		case kind == unitSequence || kind == unitPicture:
			if err := sets.keep(u); err != nil {
				return nil, err
			}
			continue
		case kind == 0 || kind >= unitSTAPA:
			continue // left to applications by H.264, and in RTP the types of its own payloads
		case slice:
			shown = true
			current.key = current.key || kind == unitIDR
		}
		current.units = append(current.units, u)
	}
	flush()
	if len(all) == 0 || !all[0].key || len(all[0].sets) < 2 {
		return nil, errors.New("siptest: H.264: the stream does not begin with parameter sets and a key frame")
	}
	return all, nil
}

// parameterSets are those in force at one point of a stream.
type parameterSets struct{ sequence, picture []byte }

// keep takes in a parameter set.
func (s *parameterSets) keep(unit []byte) error {
	switch {
	case unitType(unit) == unitPicture:
		s.picture = unit
	case len(unit) < 4:
		return errors.New("siptest: H.264: a sequence parameter set without a profile")
	default:
		s.sequence = unit
	}
	return nil
}

// list returns those that are there.
func (s *parameterSets) list() [][]byte {
	var all [][]byte
	for _, set := range [][]byte{s.sequence, s.picture} {
		if set != nil {
			all = append(all, set)
		}
	}
	return all
}

// loopReel plays access units, of which the first is a key frame, over and over.
type loopReel struct {
	units []accessUnit
	at    int
}

// next implements reel.
func (r *loopReel) next(key bool) accessUnit {
	for key && !r.units[r.at].key {
		r.at = (r.at + 1) % len(r.units)
	}
	u := r.units[r.at]
	r.at = (r.at + 1) % len(r.units)
	return u
}
