package codec

// Rates are all that a Resampler knows.
var Rates = rateTable

// LargestGain is by how much a Resampler can make a sample larger, for the sound that it makes loudest.
func LargestGain(from, to int) float64 {
	most := int32(0)
	for _, r := range bankTable[[2]int{from, to}]().rows {
		sum := int32(0)
		for _, tap := range r.taps {
			sum += max(int32(tap), -int32(tap))
		}
		most = max(most, sum)
	}
	return float64(most) / (1 << tapBits)
}

// NewG722Decoder returns a decoder of a bit rate in kbit/s: RTP has 64 alone.
func NewG722Decoder(rate int) Decoder { return newG722((64 - rate) / 8) }
