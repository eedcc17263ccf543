// Package lwa connects Amazon's calling APIs to Login with Amazon: it turns a
// refresh token into access tokens and keeps one fresh for any number of callers.
//
// # Usage
//
//	tokens, err := lwa.NewSource(lwa.Credentials{
//		ClientID:     os.Getenv("LWA_CLIENT_ID"),
//		ClientSecret: os.Getenv("LWA_CLIENT_SECRET"),
//		RefreshToken: os.Getenv("LWA_REFRESH_TOKEN"),
//	}, nil)
//	if err != nil {
//		return err
//	}
//	defer tokens.Close()
//	token, err := tokens.Token(ctx)
//
// [Source.Token] answers from memory while a token is valid. From 90 % of a token's
// life on, the next caller still gets the old one at once and starts a refresh beside
// it, so no call waits for Amazon while Amazon answers in time. When Login with Amazon
// is out of order, the token in use serves until it expires, and refreshes are tried
// again after 1, 2, 4 ... 60 seconds.
//
// A program that meets status 401 although the token has not expired passes that token
// to [Source.Invalidate] and asks again.
//
// # Concurrency
//
// A Source is safe for any number of goroutines. However many callers wait, there is
// one request to Amazon at a time. That request runs on a goroutine of its own, so that
// a caller who gives up does not take it away from the others; it lives for at most
// five seconds of network time plus five seconds of Options.Save, and [Source.Close]
// cancels and joins it. A Source that nobody asks has no goroutine.
//
// # Secrets
//
// Neither the client secret nor any token is ever logged or part of an error's text.
// [Credentials] hides them from fmt and log/slog as well. What the token endpoint says
// in error_description is quoted with its control characters removed, cut to 256 bytes,
// and with the secrets of this Source masked.
//
// # Limitations
//
// Only the refresh_token grant is here: it is the one that Amazon documents for the
// scopes of the calling APIs. Redirects of the token endpoint are not followed, because
// following them would carry the secrets elsewhere.
//
// # Compatibility
//
// Amazon shows a refresh_token in the answer to a refresh, but does not say whether it
// may differ from the one that was sent. A different one replaces the old one and is
// handed to Options.Save. An answer without expires_in is given the documented life of
// one hour.
package lwa
