package media

import "time"

// Stats are the totals of one stream, by direction.
type Stats struct {
	In  InStats
	Out OutStats
}

// InStats count what arrived.
type InStats struct {
	Packets uint64        // accepted, each number once
	Bytes   uint64        // of their payloads
	Digits  uint64        // packets of telephone events among them
	Lost    uint64        // missing by sequence number, and not repaired
	Late    uint64        // arrived out of order
	Jitter  time.Duration // interarrival jitter (RFC 3550 section 6.4.1)
	Blocked uint64        // dropped by direction or gate
	Unknown uint64        // dropped for their payload type
	Bad     uint64        // dropped because malformed, replayed or not authentic
	First   time.Time     // when the first was accepted; zero if none
	Last    time.Time

	Replayed  uint64  // those of Bad that had come before, where the leg is protected
	Silence   Silence // why nothing is heard now
	Duplicate uint64  // dropped because they had come before; where the leg is protected they are Replayed
	Repaired  uint64  // lost, then sent again on our request; counted in Packets too
	Asked     uint64  // numbers that we asked the far side to send again (NACK), each time
	MOS       float64 // of sound, as it is heard here: see OutStats.MOS
}

// OutStats count what was sent. MOS is the mean opinion score that the E-model expects of a connection, from 1 (bad) to 4.5: ITU-T G.107
// with its default values but for loss, delay, jitter and the impairment of the codec.
type OutStats struct {
	Packets    uint64
	Bytes      uint64 // of their payloads
	Blocked    uint64 // dropped by direction or gate, or before keys or an address were known
	Mismatched uint64 // dropped because the far side does not take their codec
	Failed     uint64 // refused by the operating system
	First      time.Time
	Last       time.Time

	RemoteLost   uint32        // cumulative loss that the far side reports (RTCP)
	RemoteJitter time.Duration // jitter that the far side reports
	RoundTrip    time.Duration // by the last receiver report; 0 while unknown

	Silence Silence // why nothing goes out now
	Resent  uint64  // packets that were sent again on the far side's request (NACK)
	Ceiling uint32  // bit/s that the far side takes at most (REMB); 0 while unknown
	MOS     float64 // of sound, as the far side's report lets expect it there; 0 while unknown
}
