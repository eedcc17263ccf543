// Package jwtauth signs and verifies the tokens by which an application and this software know each other: JSON Web Tokens (RFC 7519)
// signed with RSA and SHA-256, "RS256", in the header field Authorization of requests to the REST interfaces and of callbacks.
//
// # Usage
//
//	signer := &jwtauth.Signer{Key: key} // of ParsePrivateKey
//	token, err := signer.Sign(&jwtauth.Claims{Domain: "customer.example", Body: jwtauth.Hash(body)})
//	r.Header.Set("Authorization", "Bearer "+token)
//
//	verifier := &jwtauth.Verifier{Keys: keysOf}
//	token, err := jwtauth.Bearer(r.Header)
//	claims, err := verifier.Verify(ctx, token, "customer.example")
//	err = claims.CheckBody(body)
//
// A key is changed without a gap by having Keys return the old one and the new one for a while.
//
// # What a token has
//
// A token expires, at most [MaxLife] after it was issued, and says which domain it is of. Its signature is made with one of the keys of that
// very domain: whoever has the key of one domain cannot speak for another. It may say which body it was signed for.
//
// # Compatibility
//
// RS256 is documented, and nothing of the claims. Inferred: exp, at most one hour away; the domain in domain, iss or sub, in this order;
// iat; jti; and the SHA-256 of the body in payload_hash, in hexadecimal, as others name it who sign webhooks so.
//
// # Concurrency
//
// Everything is safe for concurrent use, and there are no goroutines.
package jwtauth
