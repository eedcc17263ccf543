// Package alexacall makes Alexa devices ordinary parties of a call. See the packages below it: alexa and rtc speak to Alexa, sip to
// phones and PBXs, bridge joins two parties, media and media/engine carry what they say.
package alexacall
