package lwa_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

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
