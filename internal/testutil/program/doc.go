// Package program connects a test to a running program: the one under test, or a peer of it. It builds the program, starts it, reads what
// it prints, and sees it end.
//
// Only tests import it. It uses the standard library alone.
//
// # Usage
//
// The tests of a main package build it once, and remove what they have built when they are done:
//
//	var underTest = program.UnderTest{Settings: []string{"HOTEL_", "SIP_PASSWORD="}}
//
//	func TestMain(m *testing.M) {
//		status := m.Run()
//		underTest.Remove()
//		os.Exit(status)
//	}
//
//	func TestServe(t *testing.T) {
//		program.Interruptible(t)
//		p := underTest.Start(t, []string{"SIP_PASSWORD=hush"}, "-serve")
//		if p.Await(t, `listening on (\S+)`) == nil {
//			t.Fatal("it does not serve")
//		}
//		p.Interrupt(t)
//		if status := p.Wait(t, program.Patience); status != 0 {
//			t.Errorf("exit status %d", status)
//		}
//	}
//
// [Start] and [StartReading] are for other programs; what a test needs of those it says by testutil.Need first.
//
// # Concurrency
//
// [UnderTest] and [Process] are safe for concurrent use. A Process has goroutines that copy its output and wait for its end; the end of the
// test kills the program and joins them.
//
// # Limitations
//
// A program is killed alone: one that starts others has to be ended by [Process.Stop], so that it ends them itself.
package program
