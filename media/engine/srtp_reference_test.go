package engine

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"slices"
	"testing"
)

// srtpReference is SRTP as its RFCs write it, with nothing but the standard library: what the published vectors of session keys, which no
// master key leads to, are held against, and then the engine.
type srtpReference struct {
	t               testing.TB
	gcm             bool
	key, auth, salt []byte // of a session
	tag             int
}

// derived derives session keys (RFC 3711 section 4.3.3, RFC 7714 section 11). label is 0 for RTP, 3 for RTCP.
func derived(t testing.TB, key, salt []byte, label byte, gcm bool, tag int) srtpReference {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	part := func(label byte, n int) []byte {
		iv, out := make([]byte, aes.BlockSize), make([]byte, n)
		copy(iv, salt)
		iv[7] ^= label
		cipher.NewCTR(block, iv).XORKeyStream(out, out)
		return out
	}
	return srtpReference{t, gcm, part(label, len(key)), part(label+1, sha1.Size), part(label+2, len(salt)), tag}
}

// stream encrypts in counter mode (RFC 3711 section 4.1.1).
func (r srtpReference) stream(b []byte, ssrc uint32, index uint64) {
	r.t.Helper()
	block, err := aes.NewCipher(r.key)
	if err != nil {
		r.t.Fatal(err)
	}
	iv := make([]byte, aes.BlockSize)
	binary.BigEndian.PutUint32(iv[4:], ssrc)
	binary.BigEndian.PutUint64(iv[6:], index|uint64(binary.BigEndian.Uint16(iv[6:]))<<48)
	for i := range r.salt {
		iv[i] ^= r.salt[i]
	}
	cipher.NewCTR(block, iv).XORKeyStream(b, b)
}

// seal encrypts with AES-GCM, under a nonce before the salt (RFC 7714 sections 8.1 and 9.1).
func (r srtpReference) seal(nonce [12]byte, b, aad []byte) []byte {
	r.t.Helper()
	block, err := aes.NewCipher(r.key)
	if err != nil {
		r.t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range r.salt {
		nonce[i] ^= r.salt[i]
	}
	return aead.Seal(nil, nonce[:], b, aad)
}

// rtp protects a packet without contributing sources and extension, of a roll-over counter of 0.
func (r srtpReference) rtp(pkt []byte) []byte {
	r.t.Helper()
	out := append([]byte(nil), pkt[:rtpHeaderSize]...)
	ssrc, seq := binary.BigEndian.Uint32(pkt[8:]), binary.BigEndian.Uint16(pkt[2:])
	if r.gcm {
		nonce := [12]byte{}
		binary.BigEndian.PutUint32(nonce[2:], ssrc)
		binary.BigEndian.PutUint16(nonce[10:], seq)
		return append(out, r.seal(nonce, pkt[rtpHeaderSize:], out)...)
	}
	out = append(out, pkt[rtpHeaderSize:]...)
	r.stream(out[rtpHeaderSize:], ssrc, uint64(seq))
	return append(out, r.mac(append(slices.Clip(out), 0, 0, 0, 0))...)
}

// rtcp protects a compound packet under an index.
func (r srtpReference) rtcp(b []byte, index uint32) []byte {
	r.t.Helper()
	out, ssrc := append([]byte(nil), b[:8]...), binary.BigEndian.Uint32(b[4:])
	word := binary.BigEndian.AppendUint32(nil, 1<<31|index)
	if r.gcm {
		nonce := [12]byte{}
		binary.BigEndian.PutUint32(nonce[2:], ssrc)
		binary.BigEndian.PutUint32(nonce[8:], index)
		return append(append(out, r.seal(nonce, b[8:], append(out[:8:8], word...))...), word...)
	}
	out = append(out, b[8:]...)
	r.stream(out[8:], ssrc, uint64(index))
	out = append(out, word...)
	r.tag = 10 // of SRTCP, whatever that of SRTP (RFC 4568 section 6.2.2)
	return append(out, r.mac(out)...)
}

func (r srtpReference) mac(b []byte) []byte {
	h := hmac.New(sha1.New, r.auth)
	h.Write(b)
	return h.Sum(nil)[:r.tag]
}
