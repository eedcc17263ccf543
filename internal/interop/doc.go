// Package interop holds tests alone: whole calls between an Echo of alexatest and phones, through all of this module and a real PBX.
//
// "make interop-asterisk" runs them with Asterisk, which it puts into .cache/asterisk first (internal/tools/asterisk.sh says what that
// takes). Each test starts an Asterisk of its own on free ports of 127.0.0.1, from a configuration that it writes; that needs root, for a
// chroot. Without ALEXACALL_ASTERISK, which names the folder, they are skipped.
package interop
