package sip_test

import (
	"strings"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// asteriskDirs are the groups of Asterisk's test suite of which every scenario has a row: basic calls, offer and answer, 100rel, transfers,
// the dial plan's Dial. Of others there are those that apply.
func asteriskDirs() []string {
	const at = "asterisk-testsuite/tests/"
	return []string{at + "channels/pjsip/basic_calls", at + "channels/pjsip/sdp_offer_answer", at + "channels/pjsip/rel100", at + "channels/pjsip/transfers", at + "apps/dial"}
}

// asteriskRows are scenarios of Asterisk's test suite.
func asteriskRows() []sippScenario {
	const at = "asterisk-testsuite/tests/"
	var rows []sippScenario
	rows = append(rows, below(at+"channels/pjsip/basic_calls", asteriskBasic())...)
	rows = append(rows, below(at+"channels/pjsip/sdp_offer_answer", asteriskOffers())...)
	rows = append(rows, below(at+"channels/pjsip/transfers", asteriskTransfers())...)
	rows = append(rows, below(at+"channels/pjsip", asteriskChannel())...)
	rows = append(rows, below(at+"apps", asteriskApps())...)
	return append(rows, sippScenario{file: at + "bridge/hold_redirect/sipp/alice.xml", act: []step{take, answer, offered(media.SendOnly), hangup}},
		sippScenario{file: at + "bridge/hold_redirect/sipp/bob.xml", act: []step{call, up, hangup}})
}

// asteriskBasic are the basic calls.
func asteriskBasic() []sippScenario {
	var rows []sippScenario
	for _, way := range []string{"echo_with_initial_sdp", "playback_with_initial_sdp", "playback_with_deferred_sdp", "echo_with_deferred_sdp"} {
		last := bye
		if way[0] == 'p' {
			last = hangup
		}
		rows = append(rows, sippScenario{file: "incoming/nominal/unauthed/ident_by_user/sipp/" + way + ".xml", act: []step{take, answer, last}})
		user, _, _ := strings.Cut(way, "_")
		for dir, uri := range map[string]string{
			"md5/ident_by_host": user, "md5/ident_by_user": user, "userpass/ident_by_user": user,
			"userpass/ident_by_user_drop_options": user + ";phone-context=national",
		} {
			rows = append(rows, sippScenario{
				file: "incoming/nominal/authed/" + dir + "/sipp/" + way + ".xml", act: []step{take, answer, last},
				o: asks("alice", "swordfish"), args: []string{"-auth_uri", uri + "@127.0.0.1"}, // which it leaves out otherwise
			})
		}
	}
	return append(rows, []sippScenario{
		{file: "incoming/nominal/peer_in_dialog_auths/sipp/*.xml", why: lacksMessage},
		{file: "incoming/nominal/unauthed/ident_by_anonymous/sipp/anonymous_invite.xml", act: []step{take, answer, bye}},
		{file: "incoming/off-nominal/bare_ack/sipp/uac-bare-ack.xml"},
		{file: "incoming/off-nominal/invalid_sdp/sipp/uac_missing_deferred_answer.xml", act: []step{take, answerFails}},
		{file: "incoming/off-nominal/invalid_sdp/sipp/uac_invalid_offer.xml", why: needsHost},
		{file: "incoming/off-nominal/invalid_sdp/sipp/uac_invalid_deferred_answer.xml", act: []step{take, answerFails}},
		{file: "incoming/off-nominal/invalid_sdp/sipp/uac_valid_deferred_answer.xml", why: lacksVideo},
		{file: "outgoing/nominal/nat/sipp/*.xml", why: needsHost},
		{file: "outgoing/nominal/peer_in_dialog_auths/sipp/*.xml", why: lacksMessage},
		{file: "outgoing/nominal/from_user/sipp/check_from_user.xml", act: []step{dial(&bridge.DialOptions{From: bridge.Party{URI: "sip:banana@127.0.0.1"}}), up, bye}},
		{file: "outgoing/nominal/dialstring/sipp/uas.xml", act: []step{call, up, bye}},
		{file: "outgoing/nominal/dialstring/sipp/uas-checkuser.xml", act: []step{callUser("foo"), up, bye}},
		{file: "outgoing/off-nominal/bob_is_busy_at/sipp/bob.xml", act: []step{call, up, hangup}},
		{file: "outgoing/off-nominal/bob_does_not_answer/sipp/receive.xml", act: []step{call, hangup}},
		{file: "outgoing/off-nominal/bob_is_busy/sipp/*.xml", act: []step{callFails(bridge.Busy, 486)}},
		{file: "two_parties/nominal/*/sipp/alice.xml", why: lacksVideo},
		{file: "two_parties/nominal/*/sipp/bob.xml", why: needsThird},
	}...)
}

// asteriskOffers are offers and answers.
func asteriskOffers() []sippScenario {
	const in, out = "incoming/nominal/", "incoming/off-nominal/"
	return []sippScenario{
		{file: "attribute_passthrough/*/sipp/*_speex.xml", why: needsCodec},
		{file: "attribute_passthrough/*/sipp/*_h264.xml", why: lacksVideo},
		{file: in + "multiple-media-stream/*/*/sipp/*.xml", why: lacksVideo},
		{file: in + "multiple-media-stream/audio-video/*/*/sipp/*.xml", why: lacksVideo},
		{file: in + "single-media-stream/audio/avpf/sipp/*.xml", why: lacksSecure},
		{file: in + "single-media-stream/audio/basic/sipp/uac-basic-codecs.xml", act: []step{take, answer, hangup}, o: g722, old: true},
		{file: in + "single-media-stream/audio/basic/sipp/uac-basic-codecs-n*.xml", act: []step{take, answer, hangup}, o: g722, old: true},
		{file: in + "single-media-stream/audio/basic/sipp/uac-basic-codecs-[do]*.xml", why: needsCodec},
		{file: in + "single-media-stream/audio/basic/sipp/uac-all-codecs.xml", why: needsCodec},
		{file: out + "multiple-media-stream/audio-video/codec-mismatch/sipp/uac-audio-mismatch.xml", why: lacksVideo},
		{file: out + "multiple-media-stream/audio-video/codec-mismatch/sipp/uac-video-mismatch.xml", why: needsCodec},
		{file: out + "multiple-media-stream/audio-video/codec-mismatch/sipp/uac-codec-mismatch.xml", o: g711},
		{file: out + "single-media-stream/audio/avpf-mismatch/sipp/*.xml", why: needsHost},
		{file: out + "single-media-stream/audio/initial-declined/sipp/uac-declined.xml"},
		{file: out + "single-media-stream/audio/initial-declined/sipp/uac-declined-delayed.xml", why: needsCodec},
		{file: "media_offer/*/sipp/invite_recv.xml", why: needsCodec},
		{file: "media_offer/*/sipp/invite.xml", why: needsHost},
		{file: "webrtc/goog-remb/sipp/reject.xml", why: lacksSecure},
	}
}

// asteriskTransfers are transfers.
func asteriskTransfers() []sippScenario {
	return []sippScenario{
		{file: "asterisk/endpoint/redirect/sipp/alice.xml", why: ourWay + ": a call is not sent elsewhere with 302"},
		{file: "asterisk/endpoint/refer/sipp/alice.xml", why: ourWay + ": it wants the Refer-To without the brackets that RFC 3515 allows"},
		{file: "attended_transfer/nominal/*/sipp/*-registers.xml", why: needsRole},
		{file: "attended_transfer/nominal/callee_local_app/sipp/alice-calls-101.xml", why: broken},
		{file: "attended_transfer/nominal/callee_local_app/sipp/bob-[cd]*.xml", why: needsThird},
		{file: "attended_transfer/nominal/callee_local_blonde/sipp/*.xml", why: needsThird},
		{file: "attended_transfer/nominal/callee_remote/sipp/*.xml", why: needsThird},
		{file: "attended_transfer/nominal/callee_local_direct_media/sipp/alice-calls-101.xml", why: needsFiles},
		{file: "attended_transfer/nominal/callee_local_direct_media/sipp/wait-for-a-call-then-send-bye.xml", why: needsFiles},
		{file: "attended_transfer/nominal/callee_local_direct_media/sipp/bob-[cd]*.xml", why: needsThird},
		{file: "blind_transfer/call*/sipp/*.xml", why: needsFiles},
		{file: "blind_transfer/immediate_ok_notify/sipp/transferer.xml", why: ourWay + ": it answers no NOTIFY, and the next waits for that"},
		{file: "blind_transfer/no_target_in_refer/sipp/transferer.xml", act: []step{call, up, transfers}},
	}
}

// asteriskChannel are others of its SIP channel.
func asteriskChannel() []sippScenario {
	return []sippScenario{
		{file: "rel100/outgoing/peer_supported_not_used/sipp/check_100rel.xml", act: []step{call, up, bye}},
		{file: "in_dialog_options/sipp/invite_with_options.xml", act: []step{take, answer, bye}},
		{file: "in_dialog_invite_replaces/sipp/invite_with_replaces.xml", act: []step{take, answer, later, hangup}},
		{file: "reinvite_after_bye/sipp/reinvite-after-bye.xml", why: ourWay + ": it leaves BYE unanswered and wants an INVITE after it accepted"},
		{file: "all_codecs_on_empty_reinvite/late-offer/sipp/empty-reinvite-all-codecs.xml", why: needsCodec},
		{file: "session_timers/session-timer-minse/sipp/session-timer-minse.xml", why: needsHost},
		{file: "allow_sending_180_after_183/disabled/sipp/A_PARTY.xml", act: []step{take, early, answer, bye}},
		{file: "allow_sending_180_after_183/disabled/sipp/B_PARTY.xml", why: needsHost},
		{file: "ignore_183_wo_sdp/ignore_enabled/with_sdp/sipp/A_PARTY.xml", act: []step{take, ring, early, answer, bye}},
		{file: "ignore_183_wo_sdp/ignore_enabled/with_sdp/sipp/B_PARTY.xml", why: needsHost},
		{file: "dtmf_incompatible/sipp/invite_recv.xml", act: []step{call, up, bye}},
		{file: "dtmf_incompatible/sipp/invite.xml", act: []step{take, answer, hangup}},
		{file: "rtp/asymmetric_rtp_codec/on/sipp/bob.xml", act: []step{call, up, hangup}},
		{file: "set_var/sipp/invite.xml", act: []step{take, answer, hangup}},
		{file: "refer_send_to_vm/sipp/refer*.xml", act: []step{call, up, transfers}},
		{file: "refer_send_to_vm/sipp/invite.xml", act: []step{take, answer, hangup}},
		{file: "dtmf_sdp/*/sipp/*.xml", why: needsCodec},
		{file: "stir_shaken/*/sipp/invite.xml", act: []step{take, answer, hangup}, args: []string{"-key", "dest", "service"}},
	}
}

// asteriskApps are calls that its applications make and take.
func asteriskApps() []sippScenario {
	return []sippScenario{
		{file: "dial/dial_congestion/sipp/bob.xml", act: []step{callFails(bridge.Overload, 503)}},
		{file: "dial/dial_dtmf_hangup_cancel/sipp/bob.xml", act: []step{call, hangup}},
		{file: "dial/dial_hangup/sipp/charlie.xml", act: []step{call, hangup}},
		{file: "dial/dial_unavail/sipp/bob.xml", act: []step{callFails(bridge.Internal, 420)}},
		{file: "dial/dial_busy/sipp/bob.xml", act: []step{callFails(bridge.Busy, 486)}},
		{file: "dial/dial_no_answer/sipp/bob.xml", act: []step{callFails(bridge.NoAnswer, 480)}},
		{file: "dial/dial_parallel/dial_parallel_single_*/sipp/charlie.xml", act: []step{call, up, bye}},
		{file: "dial/dial_parallel/dial_parallel_single_unavail/sipp/bob.xml", act: []step{callFails(bridge.Internal, 420)}},
		{file: "dial/dial_parallel/dial_parallel_single_no_answer/sipp/bob.xml", act: []step{callFails(bridge.NoAnswer, 480)}},
		{file: "dial/dial_parallel/dial_parallel_single_busy/sipp/bob.xml", act: []step{callFails(bridge.Busy, 486)}},
		{file: "dial/dial_parallel/dial_parallel_all_cancel/sipp/ua_wait_cancel.xml", act: []step{call, hangup}},
		{file: "dial/dial_parallel/dial_parallel_all_unavail/sipp/ua_unavail.xml", act: []step{callFails(bridge.Internal, 420)}},
		{file: "dial/dial_parallel/dial_parallel_all_no_answer/sipp/ua_no_answer.xml", act: []step{callFails(bridge.NoAnswer, 480)}},
		{file: "dial/dial_parallel/dial_parallel_all_congestion/sipp/ua_congestion.xml", act: []step{callFails(bridge.Overload, 503)}},
		{file: "dial/dial_parallel/dial_parallel_answer_cancel_cause/sipp/charlie.xml", act: []step{call, up, bye}},
		{file: "dial/dial_parallel/dial_parallel_answer_cancel_cause/sipp/bob.xml", why: needsHost},
		{file: "queues/ringinuse_and_pause/sipp/uas.xml", act: []step{call, up, hangup}},
		{file: "queues/redirect/sipp/*-calls-*.xml", act: []step{take, answer, hangup}},
		{file: "queues/redirect/sipp/bob-waits-for-a-call.xml", act: []step{call, up, hangup}},
		{file: "queues/transfer/caller_blind/sipp/wait-for-a-call-then-send-bye.xml", why: broken},
		{file: "queues/transfer/caller_blind/sipp/wait-for-a-call.xml", act: []step{call, up, hangup}},
		{file: "confbridge/sfu/*/sipp/*.xml", why: lacksVideo},
	}
}
