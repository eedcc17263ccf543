package mediaserver_test

import (
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

// faultTable has what an application, a disk and a caller do to a media server, and the tests of it, here and in the packages below. None is
// left out.
var faultTable = [][2]string{
	{"the application is down, or its name is not found", "TestFaults TestConnectInTime TestFaultNoDecision TestFloodOfAHostThatIsDown"},
	{"it is slow: 4.9 s, 5.1 s, never", "TestFaults TestBudget TestFaultNoDecision"},
	{"it answers 500, 404, 301, 204 or nothing", "TestFaults TestOverload TestFaultOverload"},
	{"it answers malformed JSON, wrong types, 10 MB, a deep nest, keys twice, a byte order mark, UTF-16", "TestFaults TestRefused"},
	{"an unknown action or property", "TestFaults TestUnknownMembersAreNamed"},
	{"an endless loop of commands or events", "TestFaultLoop TestIVRLoop"},
	{"it answers when the caller has left", "TestRandomSessions TestStep"},
	{"a replyId that is stale, forged or of something else", "TestFaultRequests TestFaultStartedAnew TestConnect"},
	{"a callback that is sent again", "TestRetriedCallbackIsTheSame TestRetriedCallbackHasOneEffect"},
	{"callbacks of 1000 calls at once", "TestFlood TestFloodBeyondTheQueue"},
	{"a prompt is missing, corrupt, empty, endless or slow", "TestFaultPrompts TestFaultBackground TestIVRSlowPhrase"},
	{"a voice cannot be reached", "TestFaultPrompts"},
	{"the disk is full while it is recorded", "TestFaultDiskFullWhileRecording TestFaultTwentyCallsOnASmallDisk TestInteropFullDisk TestFaultDiskStandsStill"},
	{"a folder that may only be read, a file that is deleted, a long name", "TestFaultRecordingHasNoPlace TestFaultRecordingDeleted TestIVRRecordNames"},
	{"the process is killed while it records", "TestFaultRecordingSalvaged TestInteropRecordKilled"},
	{"the caller hangs up in a prompt, a recording, digits, a transfer, a conference", "TestFaultHangup TestFaultHangupWhileRecording TestRandomSessions TestFaultConference"},
	{"the last one leaves a conference, or who made it, or somebody as it ends", "TestFaultConference TestRandomSessions"},
	{"the target of a supervised transfer never answers", "TestFaultTransferTarget"},
	{"names that lead out of a folder, links, other domains' ids", "TestFaultTraversal TestFaultSymlink TestFaultRequests TestPromptFile"},
	{"URLs of prompts and callbacks to private addresses", "TestPrivateAddressesAreRefused TestFetcherOfItsOwn"},
}

func TestFaultTable(t *testing.T) {
	testutil.CheckFaults(t, faultTable, "callback", "wire", "rest", "../media/audio")
}
