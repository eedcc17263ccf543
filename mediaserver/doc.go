// Package mediaserver connects calls of any kind, by phone, Echo or browser, with an application that is asked what becomes of them: it greets,
// collects digits, records, transfers and confers.
//
// A session begins with a call that comes in or is placed. Its participants are legs and IVRs; a connection joins two of them, or several in a
// conference. When a connection ends or is split, the [Application] is asked about each participant that is left.
package mediaserver
