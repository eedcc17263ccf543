package alexatest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// randomBytes returns n random bytes. crypto/rand.Read never fails.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func randomHex(bytes int) string { return hex.EncodeToString(randomBytes(bytes)) }

// randomText returns about 4n/3 characters that can stand in a URL and in a JWT.
func randomText(n int) string { return base64.RawURLEncoding.EncodeToString(randomBytes(n)) }

// randomICE returns n characters that may stand in an ice-ufrag and an ice-pwd (RFC 8839, section 5.4).
func randomICE(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	b := randomBytes(n)
	for i, v := range b {
		b[i] = alphabet[v%64]
	}
	return string(b)
}

// newUUID returns a random UUID of version 4.
func newUUID() string {
	b := randomBytes(16)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// newJWT returns something with the form of the tokens in an event's context. Nobody but Amazon can check their signature, so
// a random one serves as well.
func newJWT(audience, subject string, now time.Time, life time.Duration) string {
	head, _ := json.Marshal(map[string]string{"typ": "JWT", "alg": "RS256", "kid": "1"})
	body, _ := json.Marshal(map[string]any{
		"aud": audience, "iss": "AlexaSkillKit", "sub": subject,
		"nbf": now.Unix(), "iat": now.Unix(), "exp": now.Add(life).Unix(),
	})
	enc := base64.RawURLEncoding
	return enc.EncodeToString(head) + "." + enc.EncodeToString(body) + "." + randomText(256)
}
