// Package lwa connects Amazon's calling APIs to Login with Amazon: it turns
// authorization codes into refresh tokens, keeps those over a restart, and has a fresh access
// token for any number of callers.
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
// # Where refresh tokens come from
//
// [Exchange] turns the authorization code that linking an account has brought into a refresh
// token. A custom skill that users give permissions to gets the codes as events of type
// Alexa.Authorization.Grant, and keeps one grant for each user in [Accounts]:
//
//	store, err := lwa.OpenFileStore("/var/lib/alexacall/grants.json")
//	...
//	accounts, err := lwa.NewAccounts(lwa.Credentials{ClientID: id, ClientSecret: secret}, &lwa.Options{Store: store})
//	...
//	err = accounts.Accept(ctx, event.UserID, lwa.Code{Code: code})
//	...
//	tokens, err := accounts.Source(ctx, event.UserID)
//
// Credentials with a Scope in place of a refresh token ask for tokens of the client itself,
// as skill messaging takes them.
//
// # Stores
//
// Where Amazon answers a refresh with another refresh token, that one replaces the old one,
// which may be worth nothing any more. A [Store] keeps it over a restart, and a Source with a
// Store goes on with what it finds there, until the operator configures a refresh token that
// is neither that one's beginning nor itself. A Source whose Store cannot be read gives no
// token: to go on with an old refresh token would hide that the newer one is lost.
//
// [FileStore] keeps all grants in one file of mode 0600, which is replaced whole and flushed
// to the disk at each change. What it does not understand it never writes over. A Store in a
// database has three methods.
//
// # Concurrency
//
// Source, Accounts and FileStore are safe for any number of goroutines. However many callers
// wait, there is one request to Amazon at a time for each Source. That request runs on a
// goroutine of its own, so that a caller who gives up does not take it away from the others;
// it lives for at most five seconds of reading the Store and asking Amazon, plus five seconds
// of saving, and [Source.Close] cancels and joins it. A Source that nobody asks has no
// goroutine.
//
// Two processes should not refresh the same account. If they do, each may withdraw the
// other's refresh token; a Source whose token is refused then looks for a newer one in the
// Store before it gives up.
//
// # Secrets
//
// Neither the client secret nor any token is ever logged or part of an error's text.
// [Credentials], [Grant] and [Code] hide them from fmt and log/slog as well. What the token
// endpoint says in error_description is quoted with its control characters removed, cut to
// 256 bytes, and with the secrets of this Source masked.
//
// # Limitations
//
// Redirects of the token endpoint are not followed, because following them would carry the
// secrets elsewhere. A token of more than 4,096 bytes, or with characters that RFC 6749 does
// not allow in one, is refused. The page that asks a user for consent is not opened: that is
// a browser's, or the Alexa app's.
//
// # Compatibility
//
// Amazon shows a refresh_token in the answer to a refresh, but does not say whether it may
// differ from the one that was sent. A different one replaces the old one. An answer without
// expires_in is given the documented life of one hour. Whether the client_credentials grant
// gives the scopes of the calling APIs is not documented.
package lwa
