// Package alexacall makes Alexa devices ordinary parties of a call. It holds no code; the packages below it do:
//
//   - alexa calls Alexa devices and takes their calls (Alexa.Comms.CallSignaling of Alexa Smart Properties);
//   - sip does the same with phones, PBXs and trunks;
//   - rtc lets users of Alexa devices talk to the person at the door (Alexa.RTCSessionController of smart-home skills);
//   - bridge joins two calls, whatever they are, and routes them;
//   - media says what parties can hear and see, and media/engine carries it;
//   - alexa/alexatest and sip/siptest are Alexa's clouds with devices, and a phone, to test a program with.
//
// README.md has the shortest program; examples/hotel and examples/doorphone are complete ones.
package alexacall
