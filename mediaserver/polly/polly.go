package polly

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/polly"
	"github.com/aws/aws-sdk-go-v2/service/polly/types"

	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/mediaserver"
)

const (
	defaultVoice = "Joanna"
	defaultRate  = 16000
	timeout      = 10 * time.Second
	wavHead      = 44 // bytes
)

// A Voice speaks by Amazon Polly. Set the fields before the first use; Client alone is needed.
type Voice struct {
	Client  *polly.Client // says the region, the credentials, and how often is tried
	VoiceID string        // of a Speech that names none; empty: "Joanna"
	Timeout time.Duration // of a request with all its tries; 0: 10 s
}

var _ mediaserver.Voice = (*Voice)(nil)

// Speak implements mediaserver.Voice. The error is an *Error.
func (v *Voice) Speak(ctx context.Context, s *mediaserver.Speech) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(v.Timeout, timeout))
	defer cancel()
	in := v.request(s)
	out, err := v.Client.SynthesizeSpeech(ctx, in)
	if err != nil {
		return nil, newError(err, s)
	}
	defer out.AudioStream.Close()
	var head []byte
	if in.OutputFormat == types.OutputFormatPcm {
		head = make([]byte, wavHead, 64<<10)
	}
	data, err := read(head, out.AudioStream)
	if err != nil {
		return nil, &Error{Err: err}
	}
	if head != nil {
		putWAV(data, s.SampleRate)
	}
	if err := check(data); err != nil {
		return nil, &Error{Err: err}
	}
	return data, nil
}

// request is what Polly is asked for.
func (v *Voice) request(s *mediaserver.Speech) *polly.SynthesizeSpeechInput {
	in := &polly.SynthesizeSpeechInput{
		Text: aws.String(s.Text), TextType: types.TextTypeText,
		VoiceId: types.VoiceId(cmp.Or(s.Voice, v.VoiceID, defaultVoice)), LanguageCode: types.LanguageCode(s.Language),
		Engine: types.Engine(s.Engine), LexiconNames: s.Lexicons,
		OutputFormat: types.OutputFormatPcm, SampleRate: aws.String(strconv.Itoa(cmp.Or(s.SampleRate, defaultRate))),
	}
	if s.SSML {
		in.TextType = types.TextTypeSsml
	}
	if r := cmp.Or(s.SampleRate, defaultRate); r != 8000 && r != 16000 { // there are no others of samples
		in.OutputFormat = types.OutputFormatMp3
	}
	return in
}

var errNothing = errors.New("the answer has no sound")

// read appends what is spoken.
func read(head []byte, r io.Reader) ([]byte, error) {
	b := bytes.NewBuffer(head)
	n, err := b.ReadFrom(io.LimitReader(r, int64(mediaserver.MaxSpeech-len(head)+1)))
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, errNothing
	case b.Len() > mediaserver.MaxSpeech:
		return nil, fmt.Errorf("%w: more than %d bytes", audio.ErrLimit, mediaserver.MaxSpeech)
	}
	return b.Bytes(), nil
}

// putWAV writes the head of a WAV file that holds mono samples of 16 bit.
func putWAV(b []byte, rate int) {
	const sample = 2
	rate = cmp.Or(rate, defaultRate)
	sound := uint32(len(b) - wavHead)
	head, le := b[:0], binary.LittleEndian
	head = append(head, "RIFF"...)
	head = le.AppendUint32(head, wavHead-8+sound)
	head = append(head, "WAVEfmt "...)
	head = le.AppendUint32(head, 16)
	head = le.AppendUint16(head, 1) // PCM
	head = le.AppendUint16(head, 1) // channel
	head = le.AppendUint32(head, uint32(rate))
	head = le.AppendUint32(head, uint32(sample*rate))
	head = le.AppendUint16(head, sample)
	head = le.AppendUint16(head, 8*sample)
	head = append(head, "data"...)
	le.AppendUint32(head, sound)
}

// check sees whether it can be played.
func check(data []byte) error {
	s, err := audio.NewSource(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return s.Close()
}
