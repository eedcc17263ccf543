package alexa_test

import (
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

// faultTable says which tests cover each way in which Alexa, Login with Amazon and what lies between are known to fail.
var faultTable = [][2]string{
	// What Alexa answers to a message.
	{"400: the call is not in progress", "TestFailuresThatLast TestRefusalCrossesTheEnd TestStepsOfACallFromADevice TestFailuresAsCauses"},
	{"400: the message is malformed", "TestStatuses TestFaults TestFailuresThatLast TestSchema TestRequestProperties TestRequestValues"},
	{"401", "TestStatuses TestTokenExpires TestThousandRefusedTokens TestThousandCallsOneRefresh TestFailuresThatPass"},
	{"403", "TestStatuses TestFailuresThatLast TestFailuresAsCauses TestHealth TestClientCredentialsAtTheCloud"},
	{"404: no such device, or no such call", "TestUnknownCallee TestFailuresThatLast TestFailuresAsCauses"},
	{"409: another request is being processed", "TestStatuses TestFailuresThatPass TestAlexaIsBusy TestModel"},
	{"429", "TestOneRefusalSlowsAll TestPauseThatDoesNotFit TestManyCallsPastALimit TestRefusalsThatAreNoLimit TestStatuses TestSendWithinContext TestFailuresThatPass TestFailuresThatLast"},
	{"500, 502, 503, silence, a reset, half a body", "TestStatuses TestFaults TestErrorBodies TestCallThroughFaultsOfTheCloud TestCallEndedGoesOn TestCallEndedIsCut TestFailuresThatPass TestFailuresThatLast"},
	{"success after we have given up", "TestAnswerToMessageLost TestUncertainInvitation TestInvitationWithoutAnAnswer"},
	// Events.
	{"an event twice", "TestEventsTwice TestSameRequestAgain TestModel"},
	{"events out of order", "TestEveryOrderOfEvents TestEveryOrderOfEventsOfACaller TestModel"},
	{"an event before the answer to our message", "TestEventsBeforeTheAnswerToThePost TestAckFirst"},
	{"CallEnded before or during set-up", "TestDeviceGivesUp TestCallerGivesUp TestCallerGivesUpAtOnce TestDialIsCancelled TestHangUpCrossesAcceptance TestEveryOutcome TestEveryCause TestModel"},
	{"an event of an unknown call", "TestEventsOfUnknownCalls"},
	{"InitiateOutboundCall again", "TestInvitationTwice TestInvitationAgainUnderAnotherID TestSameRequestAgain TestOtherRequestAgain"},
	{"CallUpdate right after acceptance, or during ours", "TestChangeRightAfterAcceptance TestEarlyChange TestGlare TestGlareThatIsNotSettledByTheAnswer TestModel TestModelFindsBugs"},
	{"a stream that the call has not begun with", "TestPicturesLater"},
	{"STUN or TURN servers are silent while Alexa waits for our answer", "TestTURNMissing TestTURNClientSilence TestSTUNMapping TestDoorStalledServers"},
	{"the answer to an offer takes more than 6 s (RTCSessionController)", "TestNobodyAnswersInTime TestDoorAnswersLate TestSlowFunctions TestVisitorsDoorHangs TestHTTPBodyTakesFromTheTime"},
	{"CallEnded never comes, nor any media", "TestMediaFails"},
	{"CallEnded never comes, and media flow on", "TestCallEndedNeverComes"},
	// Us.
	{"everything at once, by chance", "TestRandomCalls TestCallsConnect"},
	{"our process dies in the middle of calls", "TestKilled TestLeftBehind TestLeftBehindAndAlexaDown TestDrainLeavesBehind TestJournalOfOtherLives"},
	// Tokens, clocks, certificates.
	{"Login with Amazon is out of order", "TestOutage TestFailuresWithoutTokenAreSharedBriefly TestHangingEndpoint TestSendWithoutToken"},
	{"our process restarts, or the refresh token's store fails", "TestRotationSurvivesARestart TestStoreIsBroken TestFileStoreIsNotWrittenOver TestTwoProcesses TestGrantThatIsNotKept TestGrantsAtTheCloud"},
	{"the disk is full", "TestInteropFileStoreDiskFull TestInteropJournalDiskFull"},
	{"the wrong region, DNS fails", "TestHostOfACall TestOriginOfAnEvent TestFaults"},
	{"our clock is wrong", "TestClockIsNotForgery TestVerifyTimes TestChainDatesOfAllCertificates"},
	{"forged, stale, for another skill", "TestBadRequests TestRefusedRequestsStartNothing TestVerify TestChainURL TestVerifyCertificates TestVerificationCorpus"},
	{"a client is slow, or sends too much", "TestSlowClients TestSlowHandlerKeepsItsContext TestBadRequests"},
	{"a handler is slow, fails, panics", "TestAnswerDoesNotWaitForTheBridge TestOtherHandlerFails TestCallsThatAreNotTaken"},
	{"a certificate URL that leads into our own network", "TestChainURL TestChainsComeFromPublicAddresses TestChainFetchFailures TestFetchOverTLS"},
	{"the host of certificates is down", "TestChainIsKept TestOneFetchForAll TestChainFetchFailures TestFetchesAreBounded"},
}

// TestFaultTable holds that the tests of the table are there.
func TestFaultTable(t *testing.T) {
	testutil.CheckFaults(t, faultTable, "lwa", "alexatest", "../media/engine", "../rtc")
}
