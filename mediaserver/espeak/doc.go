// Package espeak connects a media server with eSpeak NG, a program that speaks a hundred languages on this host, without a service.
//
// # Usage
//
//	server.Voices = map[mediaserver.PhraseFormat]mediaserver.Voice{
//		"espeak": mediaserver.NewSpeechCache(&espeak.Voice{}, nil),
//	}
//
// It may also stand in for the voice of a service: of names that eSpeak NG does not know, the language counts.
//
// # What is spoken
//
// The program gets the text on its standard input, and its options hold nothing but the name of a voice, which is checked. Of SSML it gets
// the elements that it knows and that name no file: speak, p, s, break, emphasis, prosody, say-as and sub. What others hold is spoken, so
// also the words that are to replace an audio element. Engine, SampleRate and Lexicons of a Speech do not matter.
//
// # Concurrency
//
// A Voice is safe for concurrent use. Each Speak runs one process at a time, and waits while too many others run.
package espeak
