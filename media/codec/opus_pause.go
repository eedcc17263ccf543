package codec

// An opusPause is what is heard while a source of Opus sends nothing because nobody speaks (DTX): noise like the sound before it. A source
// goes on sending for 200 ms after the last word, and later sends a frame in 400 ms, so that sound is of the room it is in.
type opusPause struct {
	rate   int
	on     bool
	at     int     // samples into it
	latest []int16 // heard
	noise  NoiseMaker
}

const loudestPause = 40 // dB below overload: more than that was no room but a voice, whose source has stopped in its midst

// heard ends the pause.
func (p *opusPause) heard(pcm []int16) {
	p.on, p.latest = false, append(p.latest[:0], pcm...)
}

// begin appends the samples of a frame of which the source says that nothing was sent.
func (p *opusPause) begin(pcm []int16, n int) []int16 {
	const reflections = 10
	if !p.on {
		like := MeasureNoise(p.latest, reflections)
		like.Level = max(like.Level, loudestPause)
		p.noise.Set(&like)
		p.on, p.at = true, 0
	}
	return p.Append(pcm, n)
}

// Append appends n samples. A source that sends no frame in time is taken to be gone.
func (p *opusPause) Append(pcm []int16, n int) []int16 {
	const gone = 500 // ms
	last := p.rate * gone / 1000
	if p.at <= last && p.at+n > last {
		p.noise.Set(&Noise{Level: SilentNoise})
	}
	p.at += n
	return p.noise.Append(pcm, n)
}
