// Package testutil connects the project's tests to what they share: external programs, third-party
// data, free ports, an in-memory packet network, an impairing socket, leak checks, and ears for tones.
//
// Only tests import it. It uses the standard library alone and nothing of this module, so that any
// package's tests may use it without a cycle.
//
// # Usage
//
// A test that talks to a real peer says so first, and is skipped where the peer is missing:
//
//	func TestInteropBaresip(t *testing.T) {
//		testutil.Need(t, "baresip")
//		...
//	}
//
// A program that cannot find a port for itself is told a [FreePort], and one that starts others is made to end with them by [OwnGroup].
// [OwnNetwork] and [OwnDisk] run a test where it has a network, or a small disk, to itself.
// The package program below builds, starts and reads those that are under test.
//
// A test under fake time uses a network without sockets:
//
//	synctest.Test(t, func(t *testing.T) {
//		network := testutil.NewPacketNet()
//		a := network.Listen(t, "192.0.2.1:5060")
//		b := testutil.Impair(network.Listen(t, "192.0.2.2:5060"), testutil.Impairment{Seed: 1, Loss: 0.1})
//		...
//	})
//
// A package with goroutines checks that none is left when its tests are done:
//
//	func TestMain(m *testing.M) { testutil.Leaks(m) }
//
// # Concurrency
//
// [PacketNet], the connections it makes, and [ImpairedConn] are safe for concurrent use. A connection
// of a PacketNet has no goroutine; a pending deadline holds a timer, which Close stops. An ImpairedConn
// that delays packets has at most one goroutine at a time, started by a timer, which writes the packets
// that are due; Close joins it. Everything that waits does so on a channel or a WaitGroup, never on
// a mutex, as testing/synctest asks of code in its bubbles.
//
// # Limitations
//
// A PacketNet has no routes, no fragmentation and no ICMP: what nobody listens for is dropped in silence.
// An ImpairedConn spoils what is written; wrap the other end to spoil what is read. It hides the raw
// socket beneath it, so code that sends by system calls takes its slower path.
package testutil
