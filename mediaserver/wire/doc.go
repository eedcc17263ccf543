// Package wire connects the types of package mediaserver with the JSON of the callbacks and of the REST interface. All names of members are
// here, for both directions: a server writes what an application reads, and the other way round.
//
// # Usage
//
//	body, err := wire.AppendNewCall(nil, call)            // to POST to base + "/" + string(wire.NewCall)
//	action, unknown, err := wire.ParseNewCallAction(answer)
//
// All functions are pure and safe for concurrent use. What they take is not changed and not kept.
//
// # Strictness
//
// A document is checked as a whole before anything is taken from it; the error is an [*Error]. It is refused when it has more than MaxBody
// bytes, is nested deeper than MaxDepth, is not UTF-8 or begins with a byte order mark, has a member twice, or has one of the wrong type, too
// long, negative or out of range. An action or another word of a closed vocabulary that is not known is refused; a member that is not known
// is ignored, and named in what the parser returns, the first 16. A null stands for no member. Names are case-sensitive. What is written is
// held to the same limits.
//
// What a file, a URL or a voice is good for is seen when a phrase is played: one that cannot be is passed over, and the application is told.
//
// # Compatibility
//
// The names are those of the documentation of the iotcomms.io SIP Mediaserver Service and of programs that work with it. These are not in
// either, and so our own; the service may have others:
//
//   - all callbacks: domain, and sessionId, sessionReferenceId and replyId where the documentation does not show them
//   - newCall: participantId, sipFrom, sipTo, from and to (the user parts), fromName, toName, attributes (bridge.Info.Attr)
//   - callEvent: participantId and connectionId; the words of reason (normal, busy, noAnswer, rejected, cancelled, elsewhere, notFound,
//     unreachable, forbidden, overload, media, error); sipCode
//   - callNotify: participantId, user, connectionId, reason, sipCode; all events but ringing: busy, noAnswer, rejected, failed, conferenceJoined,
//     conferenceLeft, monitorConnected, monitorDisconnected
//   - getIvrCommand: connectionId, participantId, user, to (the user part of what was called); the reasons of dtmfParams but maxDigits; all
//     of recordParams (fileName, duration, reason) and phraseErrors (index, background, reason)
//   - sessionCompleted: that sessionDuration is in seconds; recordingReady: connectionId, filename, duration, truncated
//   - answers: rejectCode of drop (a SIP status; what is sent is what the protocol of the call has for its cause, such as 480 of SIP for 603),
//     delayAnswer of call, and that a call takes the members of a stored fallback: maxRingTime (in seconds), sipFrom, sipTo, sipPAI, sipRPID,
//     sipDiversion (each a URI or a number, also in angle brackets behind a name), xHeaders, pHeaders, contactParameters,
//     contactUserParameters, copyHeaders. A callEvent that is answered without an action drops; a newCall that is, is answered wrongly
//   - commands: record (fileName, maxTime, silenceTime, terminationKey, beep), echo (true, or an object with duration); of dtmf:
//     firstDigitTimeout, interDigitTimeout, timeout, regex, clear; that bargeIn takes "none", true and false beside "all"
//   - phrases: the formats googletts and url, with url; that googleTTSParameters is Google's own request (input.text, input.ssml,
//     voice.languageCode, voice.name, audioConfig.sampleRateHertz); of awsTTSParameters: Engine, TextType, SampleRate, LexiconNames; any other
//     format, with ttsParameters (text, ssml, voice, language, engine, sampleRate, lexicons); that cacheTimeToLive is in seconds, or one of the
//     words of expiration
//   - REST: the bodies of connect (participantId, peerParticipantId, sessionId, replyId), createconferenceconnection (sessionId, replyId),
//     startrecording (connectionId, replyId, filename), and of placeivrcall all but destAddr: sessionReferenceId, callerId (or sipFrom), and
//     the members of a call; its answer (sessionId, participantId, replyId); reason in answers that are not a success
//
// Members that are read by another name too: fileName and filename for one another, getIvrCommandAfter for getIVRCommandAfter. An action is
// read as a word beside its members, and as an object with a type. phrases may be a single object. OutputFormat and audioEncoding do nothing.
package wire
