package audio

const (
	opusShortest = opusRate / 400 // samples of the shortest frame, 2.5 ms
	opusCELT     = 16             // the first configuration of CELT
	opusHybrid   = 12             // the first configuration of SILK and CELT together
	opusFull     = opusCELT + 12  // the first configuration of CELT at full band
	opusStereo   = 1 << 2         // bit of the first octet
)

// opusFrameTime returns how many samples, at 48 kHz, a frame has of a configuration.
func opusFrameTime(config byte) int { return opusTime([]byte{config << 3}) }

// opusLost returns the first octet of a frame that stands for a lost one and asks the decoder to conceal it, not longer than gap, which is
// at least 2.5 ms: of the length of the frame before and otherwise like it, as long as that fits (RFC 7845 section 4.1). It is the whole
// packet.
func opusLost(before byte, gap int64) byte {
	config, stereo := before>>3, before&opusStereo
	for config&3 != 0 && config != opusHybrid && config != opusHybrid+2 && int64(opusFrameTime(config)) > gap {
		config-- // the next shorter one
	}
	if int64(opusFrameTime(config)) <= gap {
		return config<<3 | stereo
	}
	return opusFitting(opusBand(config), gap) | stereo
}

// opusBand returns the configuration of the shortest frame of CELT that has the audio bandwidth of config. Medium band, which CELT has not,
// becomes wide.
func opusBand(config byte) byte {
	switch {
	case config >= opusCELT:
		return config &^ 3
	case config >= opusHybrid:
		return opusCELT + 8 + (config-opusHybrid)/2*4
	case config < 4:
		return opusCELT
	default:
		return opusCELT + 4
	}
}

// opusFitting returns the first octet of the longest frame of CELT that is not longer than gap.
func opusFitting(shortest byte, gap int64) byte {
	config := shortest
	for config&3 < 3 && int64(opusFrameTime(config+1)) <= gap {
		config++
	}
	return config << 3
}

// opusSilence returns a packet of the longest frame that is not longer than gap, which decodes to silence.
func opusSilence(gap int64) [3]byte { return [3]byte{opusFitting(opusFull, gap), 0xFF, 0xFE} }
