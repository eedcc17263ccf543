package sip_test

import (
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

// faultTable says which tests under fake time cover each way in which calls are known to break in their middle. What only a socket or
// another program can show is in the integration tests.
var faultTable = [][2]string{
	// Glare.
	{"both sides make an offer at once; the timers are those of each role", "TestGlare TestGlareTheirsFirst TestGlareForEver TestUpdateEarlyGlare"},
	{"both sides make an offer as soon as the call is up", "TestGlareAfterAnswer TestUpdateBeforeACK TestReinviteOvertakesACK TestHangupAfterOvertaking"},
	{"UPDATE meets INVITE", "TestUpdateMeetsReinvite TestUpdateEarlyCalled"},
	{"an offer while one waits", "TestSecondOfferWhileOneWaits TestUpdateAnswersFirst TestUpdateAnswersAccepted"},
	{"nobody is there to answer a hold", "TestReinviteUnanswered"},
	// The end, and what it meets.
	{"CANCEL crosses 200", "TestCancelCrosses200 TestDialCancelled TestCancelCrossesAtAnyMoment"},
	{"CANCEL and no final response", "TestCancelNoFinal TestDialCancelled"},
	{"BYE before ACK", "TestEarlyBye TestHangupBeforeACK TestHangupOfferless"},
	{"BYE before acceptance", "TestByeBeforeAnswer"},
	{"BYE within a re-INVITE", "TestByeInReinvite TestByeInUpdate TestHangupInUpdate"},
	{"BYE crosses BYE", "TestByesCross"},
	{"BYE lost", "TestLostBye TestHangupContext"},
	{"hung up twice", "TestCancel TestByesCross"},
	{"ACK of a 200 lost", "TestLostACK TestACKStopsRepetition TestDial"},
	{"ACK of a refusal lost", "TestLostACKOfRefusal TestHangupByCause"},
	{"timers and transactions are left", "TestNoTimerLeft TestNothingLeft"},
	{"media fail", "TestMediaFailure"},
	// Early media.
	{"180 without, 183 with a description", "TestEarlyMedia TestEarlyAnswer TestIncomingRingAndAnswer TestReliableEarlyMedia"},
	{"183 and 200 of different ports, codecs, hosts", "TestEarlyAnswerMoves"},
	{"several To tags, each with offer and answer of its own", "TestForks TestForksReliable TestUpdateEarlyForks TestManyForks"},
	{"forked 200", "TestForks TestManyForksAccept"},
	{"199", "Test199"},
	{"PRACK lost, out of order, for nothing, never", "TestPRACK TestPRACKLost TestReliableEarlyMedia TestReliableNoPRACK"},
	// Refusals.
	{"100 and nothing else; nothing at all", "TestOnly100 TestDialNobodyThere"},
	{"each 3xx, 4xx, 5xx, 6xx; an odd 2xx", "TestDialRefused TestStatusTable TestOddSuccess"},
	{"401 and 407 without end, stale nonces", "TestDigestLoop TestDigestStale"},
	{"no codec in common", "TestRefusedBeforeTheBridge TestUnacceptableAnswer TestBadAnswer"},
	// Changes.
	{"a re-INVITE fails: what stood stands", "TestUpdateFails TestReinviteRefused TestUpdateEarlyFails TestUpdateOverdue TestCancelReinvite"},
	{"offer in the 200, in its ACK, in PRACK, in UPDATE", "TestOfferless TestDialOfferless TestReinviteOfferless TestReliableOfferless TestPRACKAnswers TestPRACKOffers TestUpdateEarly TestIncomingUpdate"},
	{"hold in each spelling, repeated, resumed", "TestHolds TestReinvite TestRefresh"},
	{"session timers: refresh, expiry, 422", "TestSessionCalled TestSessionPlaced TestSessionKept TestSessionTakenOver TestSessionRefreshedMeanwhile TestSessionTooSmall TestSessionRefused TestSessionRefreshFails TestSessionRefreshAgain"},
	{"all of these at random moments, with loss", "TestRandomCalls TestLossy"},
}

// TestFaultTable holds that the tests of the table are there.
func TestFaultTable(t *testing.T) { testutil.CheckFaults(t, faultTable) }
