package rtc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/rtc"
)

// The grants of many users are in lwa.Accounts, which is asked for tokens and told whom to forget. Amazon is simulated here.
func ExampleGateway() {
	accounts, err := lwa.NewAccounts(lwa.Credentials{ClientID: "amzn1.application-oa2-client.x", ClientSecret: "secret"}, &lwa.Options{
		Store:      granted{},
		HTTPClient: amazon(`{"access_token":"Atza|ann","expires_in":3600,"token_type":"bearer"}`, http.StatusOK),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer accounts.Close()
	gateway := &rtc.Gateway{
		Endpoint: rtc.EndpointEU,
		TokensOf: func(ctx context.Context, user string) (rtc.TokenSource, error) {
			source, err := accounts.Source(ctx, user)
			if err != nil {
				return nil, err // and not a nil *lwa.Source
			}
			return source, nil
		},
		Forget:     accounts.Forget,
		HTTPClient: amazon(`{"payload":{"code":"SKILL_DISABLED_EXCEPTION","description":"the skill is off"}}`, http.StatusForbidden),
	}
	err = gateway.DoorbellPress(context.Background(), "ann", "front-door")
	fmt.Println(err)
	fmt.Println(errors.Is(err, &rtc.Error{Code: rtc.CodeSkillDisabled}))
	// Output:
	// forgotten: ann
	// rtc: sending Alexa.DoorbellEventSource.DoorbellPress: status 403 SKILL_DISABLED_EXCEPTION (the skill is off)
	// true
}

// amazon is a client of servers that all say the same.
func amazon(body string, status int) *http.Client {
	return &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	})}
}

// granted is a Store in which everybody has given a grant. A program uses lwa.OpenFileStore.
type granted struct{}

func (granted) Load(context.Context, string) (lwa.Grant, error) {
	return lwa.Grant{RefreshToken: "Atzr|ann"}, nil
}
func (granted) Save(context.Context, string, lwa.Grant) error { return nil }
func (granted) Delete(_ context.Context, account string) error {
	fmt.Println("forgotten:", account)
	return nil
}
