// Package interop holds tests alone: this module, or its media plane, with programs of others.
//
// With Chromium, aiortc and GStreamer's webrtcbin two legs of the one program hear and see each other through the engine, which answers the
// one and calls the other; with Janus, which leaves loopback devices out, in a network namespace of the test's own. They run wherever these
// are installed.
//
// "make interop-asterisk" runs whole calls between an Echo of alexatest and phones through Asterisk, which it puts into .cache/asterisk first
// (internal/tools/asterisk.sh says what that takes). Each of these tests starts an Asterisk of its own on free ports of 127.0.0.1, from a
// configuration that it writes; that needs root, for a chroot. Without ALEXACALL_ASTERISK, which names the folder, they are skipped.
package interop
