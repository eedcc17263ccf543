package sip_test

import (
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// bundledRows are the scenarios that SIPp comes with.
func bundledRows() []sippScenario {
	return append([]sippScenario{
		{file: "uac", act: []step{take, ring, answer, bye}},
		{file: "uas", act: []step{call, up, hangup}},
		{file: "regexp", why: ourWay + ": it wants letters and digits for the user of the o-line, who is - where there is none, RFC 8866 section 5.2"},
		{file: "branchc", why: needsRole},
		{file: "branchs", why: needsRole},
	}, below("sipp-bundled", []sippScenario{
		{file: "pfca_*.xml", why: notLoading},
		{file: "mcd_register.xml", act: []step{registers}},
		{file: "uc360_register*.xml", why: needsRole},
	})...)
}

// siphonRows are the scenarios of siphon-ai, a gateway from SIP to a voice agent.
func siphonRows() []sippScenario {
	return append(below("siphon-ai/load", []sippScenario{
		{file: "*.xml", why: needsHours},
		{file: "mixed/uac_hold.xml", why: notLoading},
		{file: "outbound/uas_hold.xml", act: []step{call, up, hangup}},
		{file: "outbound/uas_hold_remote_bye.xml", why: notLoading},
	}), below("siphon-ai/sipp-scenarios", []sippScenario{
		{file: "admission_invite_503.xml", act: []step{take, refuse(bridge.Overload)}},
		{file: "admission_warmup.xml", act: []step{take, answer, bye}},
		{file: "attended_transfer_a.xml", act: []step{take, answer, acked, refersTo, hangup}},
		{file: "barge_in_pause_caller.xml", why: needsFiles},
		{file: "basic_call_then_bye.xml", act: []step{take, ring, answer, bye}},
		{file: "blind_transfer.xml", act: []step{take, answer, acked, refers, hangup}},
		{file: "bot_hold_caller.xml", act: []step{take, answer, says(media.SendOnly), says(media.SendRecv), hangup}},
		{file: "caller_cancels_during_setup.xml", why: ourWay + ": it wants its INVITE accepted after CANCEL"},
		{file: "conference_caller.xml", act: []step{take, answer, bye}},
		{file: "delayed_offer_caller.xml", act: []step{take, answer, bye}},
		{file: "delayed_offer_dtls_caller.xml", act: []step{take, answer, bye}, o: dtls},
		{file: "delayed_offer_no_answer.xml", why: ourWay + ": it waits for the end without BYE; an ACK without the answer has BYE at once"},
		{file: "delayed_offer_srtp_caller.xml", act: []step{take, answer, bye}, o: sdes},
		{file: "digest_auth_caller.xml", act: []step{take, answer, bye}, o: asks("carrier-a", "s3cret-sipp")},
		{file: "drain_graceful_bye.xml", act: []step{take, ring, answer, hangup}},
		{file: "drain_invite_503.xml", act: []step{take, refuse(bridge.Overload)}},
		{file: "opus_caller.xml", act: []step{take, answer, bye}, o: codecs([]media.Codec{{Name: "opus", ClockRate: 48000, Channels: 2, Params: "maxplaybackrate=16000;stereo=0"}})},
		{file: "outbound_bot_hold_uas.xml", act: []step{call, up, says(media.SendOnly), says(media.SendRecv), hangup}},
		{file: "outbound_delayed_dtls_uas.xml", act: []step{bare, up, answer, hangup}, o: dtls},
		{file: "outbound_delayed_srtp_uas.xml", act: []step{bare, up, answer, hangup}, o: sdes},
		{file: "outbound_delayed_uas.xml", act: []step{bare, up, answer, hangup}},
		{file: "outbound_remote_bye.xml", act: []step{call, up, bye}},
		{file: "outbound_srtp_uas_answer.xml", act: []step{call, up, hangup}, o: sdes},
		{file: "outbound_uas_answer.xml", act: []step{call, up, hangup}},
		{file: "park_caller.xml", act: []step{take, answer, hangup}},
		{file: "register_admin_uas.xml", why: ourWay + ": it wants the Call-ID of a registration that is closed in the next one"},
		{file: "reinvite_hold_resume.xml", act: []step{take, answer, offered(media.SendOnly), offered(media.SendRecv), bye}},
		{file: "reinvite_unsupported_codec_488.xml", act: []step{take, answer, bye}, o: g711},
		{file: "rejected_invite_ack.xml", act: []step{take, refuse(bridge.Forbidden)}},
		{file: "session_progress_then_answer.xml", act: []step{take, early, answer, bye}},
		{file: "session_timer_echo.xml", act: []step{take, answer, bye}},
		{file: "stir_shaken_attestation_403.xml", act: []step{take, refuse(bridge.Forbidden)}},
		{file: "stir_shaken_attestation_pass.xml", act: []step{take, answer, bye}},
		{file: "stir_shaken_no_identity_428.xml", why: needsHost},
		{file: "trunk_unauthorized_403.xml", act: []step{take, refuse(bridge.Forbidden)}},
		{file: "unsupported_codec_488.xml", o: g711},
	})...)
}
