package codec_test

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"

	"github.com/alexacall/alexacall/media/codec"
)

// oggOpus returns a file of Ogg (RFC 3533) that holds packets of Opus (RFC 7845), for other programs to decode. Nothing of it is to be
// skipped.
func oggOpus(channels byte, packets [][]byte) []byte {
	head := []byte{'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, channels, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0}
	tags := []byte("OpusTags\x00\x00\x00\x00\x00\x00\x00\x00")
	file := oggPage(nil, 2, 0, 0, head)
	file = oggPage(file, 0, 0, 1, tags)
	granule := 0
	for i, p := range packets {
		granule += codec.OpusSamples(p)
		flags := byte(0)
		if i == len(packets)-1 {
			flags = 4
		}
		file = oggPage(file, flags, granule, i+2, p)
	}
	return file
}

// oggPage appends a page that holds one packet.
func oggPage(file []byte, flags byte, granule, sequence int, packet []byte) []byte {
	at := len(file)
	file = append(file, "OggS\x00"...)
	file = append(file, flags)
	file = binary.LittleEndian.AppendUint64(file, uint64(granule))
	file = append(file, 1, 0, 0, 0) // the stream
	file = binary.LittleEndian.AppendUint32(file, uint32(sequence))
	file = append(file, 0, 0, 0, 0, byte(len(packet)/255+1))
	for left := len(packet); left >= 0; left -= 255 {
		file = append(file, byte(min(left, 255)))
	}
	file = append(file, packet...)
	binary.LittleEndian.PutUint32(file[at+22:], oggSum(file[at:]))
	return file
}

// oggSum is the CRC of a page: that of Ethernet with its bits the other way round, from nothing and not inverted.
func oggSum(page []byte) uint32 {
	turned := make([]byte, len(page))
	for i, octet := range page {
		turned[i] = bits.Reverse8(octet)
	}
	return bits.Reverse32(^crc32.Update(^uint32(0), crc32.IEEETable, turned))
}
