// Package polly connects a media server with Amazon Polly, which speaks its phrases of the format "awstts". It is a package of its own because
// it brings in Amazon's SDK.
//
// # Usage
//
//	cfg, err := config.LoadDefaultConfig(ctx) // of aws-sdk-go-v2/config
//	voice := &polly.Voice{Client: awspolly.NewFromConfig(cfg)}
//	server.Voices = map[mediaserver.PhraseFormat]mediaserver.Voice{
//		mediaserver.PhrasePolly: mediaserver.NewSpeechCache(voice, nil),
//	}
//
// The credentials need the permission polly:SynthesizeSpeech, and with lexicons polly:GetLexicon.
//
// # What is spoken
//
// Text, SSML, Voice, Language, Engine and Lexicons of a Speech go into the request as they are. Polly is asked for samples of 16 kHz, which
// come as a WAV file and need no decoder; or of 8 kHz, if the Speech says so. Of any other SampleRate it is asked for MP3.
//
// # Concurrency
//
// A Voice is safe for concurrent use, and has no goroutine of its own.
package polly
