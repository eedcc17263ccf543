package engine_test

import (
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

// faultTable says which tests cover each way in which media are known to fail, where that is the engine's and not a codec's or a mixer's.
var faultTable = [][2]string{
	// Silence.
	{"no RTP at all after the answer", "TestMediaTimeout TestMediaTimeoutByItself TestSilenceFromTheBeginning"},
	{"RTP stops in mid-call", "TestMediaTimeout TestSignsOfLife TestSilenceOfACall"},
	{"nothing arrives at the far side", "TestSilenceAtTheFarSide TestSilenceRefused"},
	{"sound that is none", "TestSilenceConstant"},
	// Paths.
	{"ICE never connects", "TestICEUnreachable TestSilenceFromTheBeginning TestTCPWithoutUDP"},
	{"UDP is blocked", "TestTCPWithoutUDP TestTCPAfterUDP TestTCPRelay TestTURNFallsBack"},
	{"ICE is disconnected, and comes back or does not", "TestICEBreak TestICEConsentLost TestConsentExpires"},
	{"consent runs out while media still comes, or is shown by media alone", "TestConsentExpires TestLiteAgentHearsMediaAlone"},
	{"ICE restarts", "TestICERestart TestICENoRestart TestTCPRestart"},
	{"one side is lite, or both are", "TestICELite TestLiteAgent TestLiteAgentsRefuseEachOther"},
	{"candidates are of no use, or too many", "TestICECandidates TestCandidateAddr TestSTUNManyAddresses TestTCPManyInARow"},
	{"a candidate is a name, which nobody answers, or of which there are many", "TestBrowserWithName TestNamesOfCandidates TestNamesNobodyAnswers TestNamesBounded"},
	{"connections of strangers, that are silent, byte by byte, without end", "TestTCPStrangers TestTCPSilentConnection TestTCPCheckByteByByte TestTCPManyConnections"},
	{"a connection does not take what is sent, or is cut", "TestTCPBlockedFarSide TestTCPClose"},
	{"STUN is hostile, its integrity wrong, roles are in conflict", "TestSTUNLearnsVerifiedAddresses TestICENominationNeedsAnAnswer TestICERoleConflict TestDTLSSpray"},
	{"a NAT gives the far side another port", "TestICEFollows TestTURNFollows TestLatchHeals TestLatchHealsInTime TestLatchHealsProtected TestLatchReopens TestHijack TestImpairedStatistics TestImpairedWebRTC"},
	{"a NAT does so to one of two calls behind it", "TestLatchHealsBesideSilent TestLatchBesideICE TestLatchTwoCalls"},
	{"several calls come from one address", "TestSharedAddress TestSharedAddressBySource TestSharedAddressReports TestSharedAddressRefused TestCrowdMembers TestCrowdLeft TestTwoEngines"},
	{"a TURN server forgets us, is silent, refuses, is another's", "TestTURNAddressLost TestTURNRestarted TestTURNClientSilence TestTURNClientRefused TestTURNClientForged TestTURNMissing"},
	// Keys.
	{"no hello, a wrong fingerprint, an old version, an expired certificate, fragments", "TestDTLSNoHandshake TestDTLSWrongFingerprint TestDTLSWithoutICEWrongFingerprint TestDTLSHostilePeer TestDTLSExpiredCertificate"},
	{"the last flight is lost", "TestDTLSLostFinalFlight TestDTLSAfterHandshake"},
	{"hellos of third parties", "TestHijackHellos TestDTLSSpray"},
	{"replays, bad tags, turns of the count, late joining", "TestBadSRTP TestHijack TestSilenceProtected TestSRTPTurns TestHoldLongSRTP"},
	{"a protected leg is offered less", "TestSecureNeverTurnsPlain TestSDESStaysLocked"},
	// Strangers.
	{"somebody sends to our port", "TestHijack TestLatchNotBelieved TestLatchHealsNobodyElse TestLatchAfterEnd"},
	{"packets are malformed", "TestBadRTP TestReportsHostile TestLongDatagrams"},
	// Streams.
	{"sources collide, change, go in circles", "TestCollision TestCollisionInReports TestReceiverSources TestAddressOfOurs"},
	{"a payload type differs by direction, or changes", "TestPayloadTypesDiffer TestPayloadTypesForLife TestNumbersOfBothSides TestNegotiateRace TestNegotiateRacePictures"},
	{"loss, bursts of it, disorder, repetition, jitter", "TestImpairedStatistics TestImpairedWebRTC TestImpairedReports TestReceiverStatistics TestReceiverRepeats"},
	{"pictures are lost, and asked for, in time, too late, for nothing", "TestNACK TestNACKAnswered TestLossWithoutNACK TestWebRTCRepair TestMissing TestMissingTries TestMissingMany TestMissingSilently"},
	{"pictures are asked for without end, or after they are forgotten", "TestRepeater TestRepeaterMemory"},
	{"a path carries less than pictures want", "TestEstimate TestCeilings TestCeiling TestTransportFeedback TestRecorder TestRecorderJumps"},
	{"jumps of time, turns of the sequence, silence with a marker, holds", "TestRewriterKeepsOneLine TestRewriterLongSource TestHold"},
	{"telephone events: lost ends, overlap, another clock", "TestDigitsAcrossClocks TestRewriterLateEvent"},
	{"a key frame does not come", "TestKeyFrames TestKeyFramesBySignalling TestKeyFrameByHand TestLostKeyFrame"},
	// The machine.
	{"no more calls are to be had", "TestFull TestRate TestShardsLimits TestAddressInUse TestOwnPortsExhausted TestPortsOrder"},
	{"a socket's buffer overflows", "TestKernelDrops TestReadBuffer"},
	{"the system fails for a moment", "TestReaderSurvives"},
}

// TestFaultTable holds that the tests of the table are there.
func TestFaultTable(t *testing.T) { testutil.CheckFaults(t, faultTable, "..") } // the negotiator's too
