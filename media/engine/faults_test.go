package engine_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// faultTable says which tests cover each way in which media are known to fail, where that is the engine's and not a codec's or a mixer's.
var faultTable = []struct{ fault, tests string }{
	// Silence.
	{"no RTP at all after the answer", "TestMediaTimeout TestMediaTimeoutByItself TestSilenceFromTheBeginning"},
	{"RTP stops in mid-call", "TestMediaTimeout TestSignsOfLife TestSilenceOfACall"},
	{"nothing arrives at the far side", "TestSilenceAtTheFarSide TestSilenceRefused"},
	{"sound that is none", "TestSilenceConstant"},
	// Paths.
	{"ICE never connects", "TestICEUnreachable TestSilenceFromTheBeginning"},
	{"ICE is disconnected, and comes back or does not", "TestICEBreak TestICEConsentLost"},
	{"ICE restarts", "TestICERestart TestICENoRestart"},
	{"STUN is hostile, its integrity wrong, roles are in conflict", "TestSTUNLearnsVerifiedAddresses TestICENominationNeedsAnAnswer TestICERoleConflict TestDTLSSpray"},
	{"a NAT gives the far side another port", "TestICEFollows TestLatchHeals TestLatchHealsInTime TestLatchHealsProtected TestLatchReopens TestHijack"},
	{"a TURN server forgets us", "TestTURNAddressLost TestTURNRestarted"},
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
	{"a payload type differs by direction, or changes", "TestPayloadTypesDiffer TestPayloadTypesForLife TestNumbersOfBothSides"},
	{"loss, disorder, repetition, jitter", "TestImpairedStatistics TestImpairedReports TestReceiverStatistics TestReceiverRepeats"},
	{"jumps of time, turns of the sequence, silence with a marker, holds", "TestRewriterKeepsOneLine TestRewriterLongSource TestHold"},
	{"telephone events: lost ends, overlap, another clock", "TestDigitsAcrossClocks TestRewriterLateEvent"},
	{"a key frame does not come", "TestKeyFrames TestKeyFrameByHand"},
	// The machine.
	{"no more calls are to be had", "TestFull TestRate TestShardsLimits TestAddressInUse"},
	{"a socket's buffer overflows", "TestKernelDrops TestReadBuffer"},
	{"the system fails for a moment", "TestReaderSurvives"},
}

// TestFaultTable holds that the tests of the table are there.
func TestFaultTable(t *testing.T) {
	names, err := filepath.Glob("*_test.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	above, err := filepath.Glob("../*_test.go") // those of the negotiator
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, name := range slices.Concat(names, above) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if f, ok := strings.CutPrefix(line, "func Test"); ok {
				f, _, _ = strings.Cut(f, "(")
				there["Test"+f] = true
			}
		}
	}
	for _, row := range faultTable {
		for name := range strings.FieldsSeq(row.tests) {
			if !there[name] {
				t.Errorf("%s: no %s", row.fault, name)
			}
		}
	}
}
