package siptest

import (
	"bytes"
	"fmt"
)

// The size of the pictures that are drawn unless options say otherwise.
const defaultWidth, defaultHeight = 128, 96

// maxSide is the longest side of a picture that is drawn: key frames are not compressed, 96 KB for 256 by 256.
const maxSide = 256

const (
	macroblock = 16                                    // pixels of one side
	blockBytes = macroblock * macroblock * 3 / 2       // of one uncompressed macroblock: luma, then half as much chroma (4:2:0)
	sliceRoom  = 16                                    // bytes that a slice's own headers take at most
	perSlice   = (maxPayload - sliceRoom) / blockBytes // macroblocks of a slice that goes into one packet; none holds start codes
)

// Pictures returns a VideoSource that draws pictures of width by height pixels, multiples of 16 from 16 to 256: a bright square goes over
// a dark ground, one macroblock (of 16 by 16 pixels) further with each picture, row by row. It is H.264 of constrained baseline at level 3.1 that every
// decoder shows exactly as it was drawn: macroblocks stand uncompressed in the stream, or are those of the picture before.
func Pictures(width, height int) VideoSource {
	return VideoSource{load: func(largest int) (film, error) {
		for _, side := range []int{width, height} {
			if side < macroblock || side > maxSide || side%macroblock != 0 {
				return film{}, fmt.Errorf("siptest: pictures of %d by %d pixels cannot be drawn", width, height)
			}
		}
		d := drawing{across: width / macroblock, down: height / macroblock, perSlice: width * height}
		if largest > 0 {
			d.perSlice = perSlice
		}
		f := film{sequence: d.sequenceSet(), picture: pictureSet()}
		d.sets = [][]byte{f.sequence, f.picture}
		f.start = func() reel { own := d; return &own }
		return f, nil
	}}
}

// drawing is a reel that draws.
type drawing struct {
	across, down int // macroblocks
	perSlice     int // most macroblocks of one slice of a key frame
	sets         [][]byte
	count        int   // pictures drawn
	sinceKey     uint8 // frame_num, which has eight bits
	keys         uint32
}

// The brightness of the two kinds of macroblocks, and their colours.
const (
	darkLuma, darkBlue, darkRed    = 40, 144, 112
	lightLuma, lightBlue, lightRed = 200, 96, 160
)

// next implements reel.
func (d *drawing) next(key bool) accessUnit {
	lit := d.count % (d.across * d.down)
	d.count++
	if key {
		d.sinceKey = 0
		d.keys++
		return accessUnit{sets: d.sets, units: d.keyFrame(lit), key: true}
	}
	d.sinceKey++
	return accessUnit{units: [][]byte{d.change(lit)}}
}

// keyFrame returns the slices of a key frame in which the macroblock lit is bright.
func (d *drawing) keyFrame(lit int) [][]byte {
	var units [][]byte
	for first, all := 0, d.across*d.down; first < all; first += d.perSlice {
		var w bitWriter
		w.ue(uint32(first)) // first_mb_in_slice
		w.ue(7)             // slice_type I, as of all slices of the picture
		w.ue(0)             // pic_parameter_set_id
		w.put(0, 8)         // frame_num
		w.ue(d.keys % 2)    // idr_pic_id, which differs between neighbours
		w.put(0, 2)         // no_output_of_prior_pics_flag, long_term_reference_flag
		w.endOfHeader()
		for i := first; i < min(first+d.perSlice, all); i++ {
			w.ue(25) // mb_type I_PCM in an I slice
			w.block(i == lit)
		}
		units = append(units, w.unit(0x60|unitIDR))
	}
	return units
}

// change returns the slice of a picture in which the macroblock lit is bright and the one before it is dark again.
func (d *drawing) change(lit int) []byte {
	all := d.across * d.down
	changed := []int{lit}
	if before := (lit + all - 1) % all; before < lit {
		changed = []int{before, lit}
	} else if before > lit {
		changed = []int{lit, before}
	}
	var w bitWriter
	w.ue(0)                      // first_mb_in_slice
	w.ue(5)                      // slice_type P, as of all slices of the picture
	w.ue(0)                      // pic_parameter_set_id
	w.put(uint32(d.sinceKey), 8) // frame_num
	w.put(0, 1)                  // num_ref_idx_active_override_flag
	w.put(0, 1)                  // ref_pic_list_modification_flag_l0
	w.put(0, 1)                  // adaptive_ref_pic_marking_mode_flag
	w.endOfHeader()
	next := 0
	for _, i := range changed {
		w.ue(uint32(i - next)) // mb_skip_run
		w.ue(30)               // mb_type I_PCM in a P slice
		w.block(i == lit)
		next = i + 1
	}
	if next < all {
		w.ue(uint32(all - next)) // mb_skip_run
	}
	return w.unit(0x60 | unitSlice)
}

// sequenceSet returns the sequence parameter set (H.264 section 7.3.2.1.1).
func (d *drawing) sequenceSet() []byte {
	var w bitWriter
	w.put(0x42E01F, 24)        // profile_idc baseline, constrained, level_idc 3.1
	w.ue(0)                    // seq_parameter_set_id
	w.ue(4)                    // log2_max_frame_num_minus4
	w.ue(2)                    // pic_order_cnt_type: shown as decoded
	w.ue(1)                    // max_num_ref_frames
	w.put(0, 1)                // gaps_in_frame_num_value_allowed_flag
	w.ue(uint32(d.across - 1)) // pic_width_in_mbs_minus1
	w.ue(uint32(d.down - 1))   // pic_height_in_map_units_minus1
	w.put(1, 1)                // frame_mbs_only_flag
	w.put(1, 1)                // direct_8x8_inference_flag
	w.put(0, 2)                // frame_cropping_flag, vui_parameters_present_flag
	return w.unit(0x60 | unitSequence)
}

// pictureSet returns the picture parameter set (H.264 section 7.3.2.2).
func pictureSet() []byte {
	var w bitWriter
	w.ue(0)     // pic_parameter_set_id
	w.ue(0)     // seq_parameter_set_id
	w.put(0, 2) // entropy_coding_mode_flag: CAVLC; bottom_field_pic_order_in_frame_present_flag
	w.ue(0)     // num_slice_groups_minus1
	w.ue(0)     // num_ref_idx_l0_default_active_minus1
	w.ue(0)     // num_ref_idx_l1_default_active_minus1
	w.put(0, 3) // weighted_pred_flag, weighted_bipred_idc
	w.ue(0)     // pic_init_qp_minus26
	w.ue(0)     // pic_init_qs_minus26
	w.ue(0)     // chroma_qp_index_offset
	w.put(4, 3) // deblocking_filter_control_present_flag; constrained_intra_pred_flag, redundant_pic_cnt_present_flag
	return w.unit(0x60 | unitPicture)
}

// bitWriter writes the payload of a NAL unit (RBSP).
type bitWriter struct {
	b    []byte
	part uint32 // of a byte
	n    int    // bits in part
}

// put writes the lowest n bits of v, the highest first.
func (w *bitWriter) put(v uint32, n int) {
	for n--; n >= 0; n-- {
		w.part = w.part<<1 | v>>n&1
		if w.n++; w.n == 8 {
			w.b = append(w.b, byte(w.part))
			w.part, w.n = 0, 0
		}
	}
}

// ue writes v as an Exp-Golomb code (H.264 section 9.1). Of signed values this package has 0 alone, whose code is the same.
func (w *bitWriter) ue(v uint32) {
	length := 0
	for rest := v + 1; rest > 1; rest >>= 1 {
		length++
	}
	w.put(0, length)
	w.put(v+1, length+1)
}

// endOfHeader ends a slice header.
func (w *bitWriter) endOfHeader() {
	w.ue(0) // slice_qp_delta
	w.ue(1) // disable_deblocking_filter_idc: pictures are as drawn
}

// block writes an uncompressed macroblock.
func (w *bitWriter) block(lit bool) {
	luma, blue, red := byte(darkLuma), byte(darkBlue), byte(darkRed)
	if lit {
		luma, blue, red = lightLuma, lightBlue, lightRed
	}
	if w.n > 0 {
		w.put(0, 8-w.n) // pcm_alignment_zero_bit
	}
	const pixels = macroblock * macroblock
	w.b = append(w.b, bytes.Repeat([]byte{luma}, pixels)...)
	w.b = append(w.b, bytes.Repeat([]byte{blue}, pixels/4)...)
	w.b = append(w.b, bytes.Repeat([]byte{red}, pixels/4)...)
}

// unit returns the NAL unit whose payload has been written, without anything that reads as a start code (H.264 section 7.4.1).
func (w *bitWriter) unit(header byte) []byte {
	w.put(1, 1) // rbsp_stop_one_bit
	if w.n > 0 {
		w.put(0, 8-w.n)
	}
	u := make([]byte, 1, len(w.b)+8)
	u[0] = header
	zeros := 0
	for _, b := range w.b {
		if zeros >= 2 && b <= 3 {
			u = append(u, 3) // emulation_prevention_three_byte
			zeros = 0
		}
		if u = append(u, b); b == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return u
}
