// Package lambda connects an AWS Lambda function to whatever answers Alexa's events, by aws-lambda-go. It is the only package here that
// imports that, so that a program without a function does not hold it. Neither does package forward, which both sides of a function that
// only passes events on have in common.
//
// # Usage
//
// A function that passes every event, of a custom skill or a smart-home skill, to a program of one's own:
//
//	f := &forward.Forwarder{URL: "https://calls.example.com/events", Key: key}
//	lambda.Start(f.Forward, nil)
//
// A function that is the skill's endpoint itself:
//
//	lambda.Start(skill.HandleEvent, &lambda.Options{Shutdown: drain})
//
// Build it for Linux as a program named bootstrap, and give the function a trigger with the principal alexa-appkit.amazon.com (custom
// skills) or alexa-connectedhome.amazon.com (smart-home skills). Lambda has checked who sends an event; the Skill checks for which skill it
// is.
//
// # Limitations
//
// Lambda freezes a function between events, and nothing can connect to it. A Skill in it sends its messages while an event is being
// answered, or when the next one thaws it, and its Engine has to be one whose media are elsewhere. For calls that are answered in one's own
// program, let the function forward.
//
// # Concurrency
//
// [Start] has no goroutine but aws-lambda-go's, which ends with the program.
package lambda
