// Package googletts connects a media server with Google Cloud Text-to-Speech, which speaks its phrases of the format "googletts", by its REST
// API (method text.synthesize of version 1).
//
// # Usage
//
//	tokens, err := google.DefaultTokenSource(ctx, googletts.Scope) // of golang.org/x/oauth2/google
//	voice := &googletts.Voice{Tokens: tokens}
//	server.Voices = map[mediaserver.PhraseFormat]mediaserver.Voice{
//		mediaserver.PhraseGoogle: mediaserver.NewSpeechCache(voice, nil),
//	}
//
// # What is spoken
//
// Text, SSML, Voice, Language and SampleRate of a Speech go into the request; Engine and Lexicons are not Google's. What comes back is a WAV
// file, of the voice's own rate if the Speech names none.
//
// # Concurrency
//
// A Voice is safe for concurrent use, and has no goroutine of its own.
package googletts
