package lwa_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/alexacall/alexacall/alexa/lwa"
)

func ExampleSource() {
	// Stands for https://api.amazon.com/auth/o2/token, which is the default.
	amazon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"access_token":"Atza|IQEB","token_type":"bearer","expires_in":3600}`)
	}))
	defer amazon.Close()

	tokens, err := lwa.NewSource(lwa.Credentials{
		ClientID:     "amzn1.application-oa2-client.0123",
		ClientSecret: "secret",
		RefreshToken: "Atzr|IQEB",
	}, &lwa.Options{TokenURL: amazon.URL, HTTPClient: amazon.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tokens.Close()

	token, err := tokens.Token(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Type(), token.AccessToken)
	// Output: Bearer Atza|IQEB
}

func ExampleAccounts() {
	// Stands for https://api.amazon.com/auth/o2/token, which is the default.
	amazon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":"Atza|of-%s","token_type":"bearer","expires_in":3600,"refresh_token":"Atzr|IQEB"}`, r.FormValue("code"))
	}))
	defer amazon.Close()
	folder, err := os.MkdirTemp("", "lwa")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()

	store, err := lwa.OpenFileStore(filepath.Join(folder, "grants.json"))
	if err != nil {
		fmt.Println(err)
		return
	}
	accounts, err := lwa.NewAccounts(lwa.Credentials{ClientID: "amzn1.application-oa2-client.0123", ClientSecret: "secret"},
		&lwa.Options{TokenURL: amazon.URL, HTTPClient: amazon.Client(), Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer accounts.Close()

	// User and code are those of an Alexa.Authorization.Grant event.
	if err := accounts.Accept(context.Background(), "amzn1.ask.account.A", lwa.Code{Code: "ANUbUKCJqlBOpMhwYWxU"}); err != nil {
		fmt.Println(err)
		return
	}
	tokens, err := accounts.Source(context.Background(), "amzn1.ask.account.A")
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := tokens.Token(context.Background())
	fmt.Println(token.AccessToken, err)
	_, err = accounts.Source(context.Background(), "amzn1.ask.account.B")
	fmt.Println(err)
	// Output:
	// Atza|of-ANUbUKCJqlBOpMhwYWxU <nil>
	// lwa: no grant for this account
}
