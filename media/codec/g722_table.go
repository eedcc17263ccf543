package codec

import "sort"

// The tables of ITU-T G.722, whose numbers are in brackets. Levels are in 1/32768 of a step.
var (
	// g722Level6Table holds the levels of the lower band's codes of six bits [QQ6].
	g722Level6Table = &[64]int32{
		-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
	}
	// g722Level5Table holds those of five bits [QQ5].
	g722Level5Table = [...]int32{
		-280, -280, -23352, -17560, -14120, -11664, -9752, -8184, -6864, -5712, -4696, -3784, -2960, -2208, -1520, -880,
		23352, 17560, 14120, 11664, 9752, 8184, 6864, 5712, 4696, 3784, 2960, 2208, 1520, 880, 280, -280,
	}
	// g722Level4Table holds those of four bits [QQ4], which alone adapt the predictor.
	g722Level4Table = [16]int32{
		0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
	}
	// g722Level2Table holds the levels of the upper band's codes [QQ2].
	g722Level2Table = [4]int32{-7408, -1616, 7408, 1616}

	// g722LowLogTable holds by how much a code of four bits moves the logarithm of the step [WL of RL42].
	g722LowLogTable = [16]int32{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}
	// g722HighLogTable holds it for the low bit of the upper band's [WH of RH2].
	g722HighLogTable = [2]int32{798, -214}

	// g722LowStepTable and g722HighStepTable hold the steps by the upper bits of their logarithms.
	g722LowStepTable  = g722Steps(8)
	g722HighStepTable = g722Steps(10)
	// g722ExpTable holds 2048 times the powers of two with fractions of 32 [ILB].
	g722ExpTable = [32]int32{
		2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
		2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
	}

	// g722DecisionTable holds the quantiser's decision levels of the lower band, in 1/4096 of a step [Q6].
	g722DecisionTable = [...]int32{
		35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765,
		1980, 2195, 2557, 2919,
	}
	// g722LowCodeTable holds the codes of six bits by the sign of a difference and its size in 1/4096 of a step.
	g722LowCodeTable = g722LowCodes()
)

// g722Steps is SCALEL and SCALEH: powers of two.
func g722Steps(shift int) *[highestHigh>>6 + 1]int32 {
	var t [highestHigh>>6 + 1]int32
	for i := range t {
		t[i] = g722ExpTable[i&31] << 2
		if right := shift - i>>5; right > 0 {
			t[i] = g722ExpTable[i&31] >> right << 2
		} else {
			t[i] <<= -right
		}
	}
	return &t
}

// g722Loudest is the size above which all differences have one code.
const g722Loudest = 2919

// g722LowCodes: codes of positive differences fall from 61 with their size, those of negative ones from 63 and then from 31 [ILP, ILN].
func g722LowCodes() *[2][g722Loudest + 1]uint8 {
	var t [2][g722Loudest + 1]uint8
	for size := range t[0] {
		i := uint8(sort.Search(len(g722DecisionTable), func(i int) bool { return g722DecisionTable[i] > int32(size) }))
		t[0][size], t[1][size] = 61-i, 33-i
		if i < 2 {
			t[1][size] = 63 - i
		}
	}
	return &t
}
