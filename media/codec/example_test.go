package codec_test

import (
	"fmt"
	"math"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// A telephone hears what a phone with a wide band has said: 20 ms are decoded, converted, and encoded. A call does so again and again with the
// same buffers, and allocates nothing.
func Example() {
	from, err := codec.NewDecoder(media.G722(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	to, err := codec.NewEncoder(media.PCMU(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	rate, err := codec.NewResampler(from.Rate(), to.Rate())
	if err != nil {
		fmt.Println(err)
		return
	}
	payload := make([]byte, 160) // of G.722
	wide, err := from.Decode(nil, payload)
	if err != nil {
		fmt.Println(err)
		return
	}
	narrow := rate.Append(nil, wide)
	out, err := to.Encode(nil, narrow)
	fmt.Println(len(wide), "samples,", len(narrow), "samples,", len(out), "octets,", err)
	// Output: 320 samples, 160 samples, 160 octets, <nil>
}

// What a pause sounds like is said in a few octets, of which the far side makes noise.
func ExampleMeasureNoise() {
	pause := make([]int16, 800)
	for i := range pause {
		pause[i] = int16(100 * math.Sin(float64(i*i)))
	}
	heard := codec.MeasureNoise(pause, 2)
	payload := heard.AppendTo(nil)
	said, err := codec.ParseNoise(payload)
	fmt.Println(len(payload), "octets, -", said.Level, "dBov,", err)
	var maker codec.NoiseMaker
	maker.Set(&said)
	fmt.Println(len(maker.Append(nil, 160)), "samples")
	// Output:
	// 3 octets, - 53 dBov, <nil>
	// 160 samples
}
