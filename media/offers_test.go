package media_test

import "strings"

// alexaOffer is the offer of Amazon's page on Alexa.RTCSessionController, its addresses filled in.
const alexaOffer = `v=0
o=- 3747690900 3747690900 IN IP4 0.0.0.0
s=a 2 z
c=IN IP4 0.0.0.0
t=0 0
a=group:BUNDLE audio0 video0
m=audio 1 RTP/SAVPF 96 0
a=candidate:1 1 UDP 2013266430 192.0.2.10 8620 typ host
a=candidate:2 1 TCP 1010827775 192.0.2.10 45351 typ host tcptype passive
a=candidate:3 2 UDP 2013266429 192.0.2.10 50066 typ host
a=candidate:4 2 TCP 1010827774 192.0.2.10 65157 typ host tcptype passive
a=candidate:5 2 TCP 1015022078 192.0.2.10 9 typ host tcptype active
a=candidate:6 1 TCP 1015022079 192.0.2.10 9 typ host tcptype active
a=setup:actpass
a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=rtpmap:96 opus/48000/2
a=rtcp:9 IN IP4 0.0.0.0
a=rtcp-mux
a=sendrecv
a=mid:audio0
a=ssrc:118039096 cname:user2571875795@host-433aaf59
a=ice-ufrag:AGVf
a=ice-pwd:h3JAYGhIaQ/Nvyaz9dLoz9
a=fingerprint:sha-256 34:D4:54:17:0C:95:2A:79:FF:72:10:21:E9:6E:F3:77:86:2F:8D:6C:33:45:BA:14:1D:43:01:D7:CD:0A:1A:84
m=video 1 RTP/SAVPF 99
a=candidate:4 1 UDP 2013266430 192.0.2.10 8620 typ host
a=candidate:5 1 TCP 1015022079 192.0.2.10 9 typ host tcptype active
a=candidate:4 2 UDP 2013266429 192.0.2.10 50066 typ host
a=candidate:6 1 TCP 1010827775 192.0.2.10 45351 typ host tcptype passive
a=candidate:5 2 TCP 1015022078 192.0.2.10 9 typ host tcptype active
a=candidate:6 2 TCP 1010827774 192.0.2.10 65157 typ host tcptype passive
b=AS:500
a=setup:actpass
a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=rtpmap:99 H264/90000
a=rtcp:9 IN IP4 0.0.0.0
a=rtcp-mux
a=sendrecv
a=mid:video0
a=rtcp-fb:99 nack
a=rtcp-fb:99 nack pli
a=rtcp-fb:99 ccm fir
a=ssrc:3643559644 cname:user2571875795@host-433aaf59
a=ice-ufrag:AGVf
a=ice-pwd:h3JAYGhIaQ/Nvyaz9dLoz9
a=fingerprint:sha-256 34:D4:54:17:0C:95:2A:79:FF:72:10:21:E9:6E:F3:77:86:2F:8D:6C:33:45:BA:14:1D:43:01:D7:CD:0A:1A:84
`

// echoShowOffer is alexaOffer in the style that Echo devices were seen to write since: UDP/TLS/ in the profile, PCMA, a BUNDLE group
// without the audio.
var echoShowOffer = strings.NewReplacer(
	"a=group:BUNDLE audio0 video0", "a=group:BUNDLE video0",
	"m=audio 1 RTP/SAVPF 96 0", "m=audio 1 UDP/TLS/RTP/SAVPF 96 0 8",
	"m=video 1 RTP/SAVPF 99", "m=video 1 UDP/TLS/RTP/SAVPF 99",
	"b=AS:500", "b=AS:2500",
).Replace(alexaOffer)

// phoneOffer is what a SIP phone offers.
const phoneOffer = `v=0
o=alice 2890844526 2890844526 IN IP4 192.0.2.20
s=-
c=IN IP4 192.0.2.20
t=0 0
m=audio 49170 RTP/AVP 0 8 97 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:97 iLBC/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
`

// browserOffer is what a browser offers for a call with sound and picture: trickle, mids 0 and 1, session-level DTLS.
const browserOffer = `v=0
o=- 8403615332048243445 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS stream
a=ice-options:trickle
a=fingerprint:sha-256 29:E2:1C:3B:4B:9F:81:E6:B8:5C:F4:A5:A8:D8:73:04:BB:05:2F:70:9F:04:A9:0E:05:E9:26:33:E8:70:88:A2
a=setup:actpass
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:sXJ3
a=ice-pwd:yEclOTrLg1gEubBFefOqtmyV
a=mid:0
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
m=video 0 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=bundle-only
a=mid:1
a=sendrecv
a=rtcp-mux
a=rtpmap:96 VP8/90000
`
