package wire

import (
	"regexp"
	"strings"
	"time"

	"github.com/alexacall/alexacall/mediaserver"
)

// AppendCommand appends the answer to a getIvrCommand.
func AppendCommand(b []byte, m *mediaserver.Command) ([]byte, error) {
	v := *m
	return write(b, func(c *coder) { c.command(&v) })
}

// ParseCommand parses the answer to a getIvrCommand.
func ParseCommand(data []byte) (m *mediaserver.Command, unknown []string, err error) {
	return parsed(data, (*coder).command)
}

func (c *coder) command(m *mediaserver.Command) {
	object(c, "dtmf", &m.Digits, (*coder).digits)
	list(c, "phrases", &m.Phrases, MaxPhrases, (*coder).phrase)
	c.bargeIn(&m.BargeIn)
	object(c, "record", &m.Record, (*coder).record)
	c.echo(&m.Echo)
	object(c, "backgroundPrompt", &m.Background, (*coder).background)
	c.flag("hangup", &m.Hangup)
	c.then(m)
	c.alias("getIVRCommandAfter", "getIvrCommandAfter")
	c.seconds("getIVRCommandAfter", &m.After)
}

// thenTable has the actions of a command.
var thenTable = []word[mediaserver.ActionKind]{
	{"call", mediaserver.Call},
	{"hangup", mediaserver.Drop},
}

// then is what follows a command.
func (c *coder) then(m *mediaserver.Command) {
	var a mediaserver.Action
	if m.Call != nil {
		if a = *m.Call; a.Kind != mediaserver.Call {
			c.fail("action", "unknown")
		}
	}
	c.action(&a, thenTable)
	switch {
	case !c.reading():
	case a.Kind == mediaserver.Drop:
		m.Hangup = true
	case a.Kind == mediaserver.Call:
		m.Call = &a
	}
}

// bargeIn is "all" or "none", or as a truth value.
func (c *coder) bargeIn(p *bool) {
	if _, ok := c.members["bargeIn"].(bool); ok {
		c.flag("bargeIn", p)
		return
	}
	word := ""
	if *p {
		word = "all"
	}
	c.text("bargeIn", &word)
	if *p = word == "all"; !*p && word != "" && word != "none" {
		c.fail("bargeIn", "unknown")
	}
}

// keys are those of a telephone.
const keys = "0123456789*#ABCDabcd"

// terminationKey is one or more keys.
func (c *coder) terminationKey(p *string) {
	c.text("terminationKey", p)
	if len(*p) > len(keys) || strings.Trim(*p, keys) != "" {
		c.fail("terminationKey", "not keys of a telephone")
	}
}

// maxDigits is how many digits may be waited for.
const maxDigits = 1000

func (c *coder) digits(d *mediaserver.Digits) {
	c.whole("maxDigits", &d.Max, maxDigits)
	c.terminationKey(&d.Termination)
	c.seconds("firstDigitTimeout", &d.First)
	c.seconds("interDigitTimeout", &d.Between)
	c.seconds("timeout", &d.Total)
	c.pattern(&d.Pattern)
	c.flag("clear", &d.Clear)
}

// maxPattern is how many bytes a regular expression may have.
const maxPattern = 256

func (c *coder) pattern(p **regexp.Regexp) {
	s := ""
	if *p != nil {
		s = (*p).String()
	}
	c.textOf("regex", &s, maxPattern)
	if !c.reading() || s == "" {
		return
	}
	r, err := regexp.Compile(s)
	if err != nil {
		c.fail("regex", "not a regular expression") // err repeats it
		return
	}
	*p = r
}

func (c *coder) record(r *mediaserver.Record) {
	c.alias("fileName", "filename")
	c.text("fileName", &r.File)
	c.seconds("maxTime", &r.Max)
	c.seconds("silenceTime", &r.Silence)
	c.terminationKey(&r.Termination)
	c.flag("beep", &r.Beep)
}

// echo is a truth value, or an object with a duration.
func (c *coder) echo(p **mediaserver.Echo) {
	on, short := c.members["echo"].(bool)
	if !c.reading() && *p != nil {
		on, short = true, (*p).For == 0
	}
	if !short {
		object(c, "echo", p, func(c *coder, e *mediaserver.Echo) { c.seconds("duration", &e.For) })
		return
	}
	c.flag("echo", &on)
	if on && c.reading() {
		*p = new(mediaserver.Echo)
	}
}

// background is a phrase with a pause, or empty.
func (c *coder) background(b *mediaserver.Background) {
	if c.reading() && len(c.members) == 0 || !c.reading() && b.Format == "" {
		return
	}
	c.phrase(&b.Phrase)
	c.seconds("repeatPause", &b.RepeatPause)
}

// maxFormat is how many bytes the name of a format may have.
const maxFormat = 32

func (c *coder) phrase(p *mediaserver.Phrase) {
	format := string(p.Format)
	c.need("format", &format)
	if wrongToken(format) != "" || len(format) > maxFormat {
		c.fail("format", "not a name")
	}
	switch p.Format = mediaserver.PhraseFormat(format); p.Format {
	case mediaserver.PhraseFile:
		c.alias("fileName", "filename")
		c.text("fileName", &p.File)
	case mediaserver.PhraseURL:
		c.text("url", &p.URL)
	case mediaserver.PhrasePolly:
		c.inside("awsTTSParameters", true, func(c *coder) { c.polly(&p.Speech) })
	case mediaserver.PhraseGoogle:
		c.inside("googleTTSParameters", true, func(c *coder) { c.google(&p.Speech) })
	default:
		c.inside("ttsParameters", true, func(c *coder) { c.speech(&p.Speech) })
	}
	c.lifetime(&p.TTL)
	c.flag("refreshCache", &p.Refresh)
}

// maxRate is the greatest sample rate, in Hz.
const maxRate = 192_000

func (c *coder) speech(s *mediaserver.Speech) {
	c.textOf("text", &s.Text, MaxText)
	c.flag("ssml", &s.SSML)
	c.text("voice", &s.Voice)
	c.text("language", &s.Language)
	c.text("engine", &s.Engine)
	c.whole("sampleRate", &s.SampleRate, maxRate)
	c.texts("lexicons", &s.Lexicons, wrongLine)
}

// polly is a request of Amazon Polly (SynthesizeSpeech).
func (c *coder) polly(s *mediaserver.Speech) {
	c.textOf("Text", &s.Text, MaxText)
	c.ssml("TextType", &s.SSML)
	c.text("VoiceId", &s.Voice)
	c.text("LanguageCode", &s.Language)
	c.text("Engine", &s.Engine)
	c.sampleRate("SampleRate", &s.SampleRate)
	c.texts("LexiconNames", &s.Lexicons, wrongLine)
	c.without("OutputFormat")
}

// ssml is "text" or "ssml".
func (c *coder) ssml(name string, p *bool) {
	word := ""
	if *p {
		word = "ssml"
	}
	c.text(name, &word)
	if *p = word == "ssml"; !*p && word != "" && word != "text" {
		c.fail(name, "unknown")
	}
}

// sampleRate is a string, as Polly has it; it may be read as a number.
func (c *coder) sampleRate(name string, p *int) {
	if _, ok := c.members[name].(string); !ok && c.reading() {
		c.whole(name, p, maxRate)
		return
	}
	c.numeral(name, maxRate, func() float64 { return float64(*p) }, func(f float64) { *p = int(f) })
}

// without is a member that is known, and that nothing here depends on.
func (c *coder) without(name string) {
	var s string
	c.text(name, &s)
}

// google is a request of Google Cloud Text-to-Speech (text:synthesize).
func (c *coder) google(s *mediaserver.Speech) {
	c.inside("input", true, func(c *coder) {
		name := "text"
		if s.SSML || c.members["ssml"] != nil {
			name = "ssml"
		}
		c.textOf(name, &s.Text, MaxText)
		s.SSML = name == "ssml" && s.Text != ""
	})
	c.inside("voice", s.Voice != "" || s.Language != "", func(c *coder) {
		c.text("languageCode", &s.Language)
		c.text("name", &s.Voice)
	})
	c.inside("audioConfig", s.SampleRate != 0, func(c *coder) {
		c.whole("sampleRateHertz", &s.SampleRate, maxRate)
		c.without("audioEncoding")
	})
}

// spanTable has the names of times.
var spanTable = []word[time.Duration]{
	{"DAY", 24 * time.Hour},
	{"WEEK", 7 * 24 * time.Hour},
	{"MONTH", 30 * 24 * time.Hour},
	{"QUARTER", 91 * 24 * time.Hour},
	{"HALF-YEAR", 182 * 24 * time.Hour},
}

// lifetime is a string of seconds, or the name of a span; it may be read as a number.
func (c *coder) lifetime(p *time.Duration) {
	const name = "cacheTimeToLive"
	s, ok := c.members[name].(string)
	for _, w := range spanTable {
		if w.name == s {
			enum(c, name, p, spanTable)
			return
		}
	}
	if c.reading() && !ok {
		c.seconds(name, p)
		return
	}
	c.numeral(name, maxTime.Seconds(), p.Seconds, func(f float64) { *p = ofSeconds(f) })
}
