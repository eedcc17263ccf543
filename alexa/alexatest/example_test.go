package alexatest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// A skill that lets every call ring and then refuses it, and an Echo that calls.
func Example() {
	cloud, err := alexatest.NewCloud(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cloud.Close()

	var work sync.WaitGroup
	defer work.Wait()
	skill := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Request struct{ Type, SessionID string }
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"version":"1.0","response":{}}`))
		if strings.HasSuffix(in.Request.Type, ".InitiateOutboundCall") {
			work.Go(func() {
				signal(cloud, "CallRinging", in.Request.SessionID, "")
				signal(cloud, "CallEnded", in.Request.SessionID, `,"callResult":{"code":"DEVICE_BUSY"}`)
			})
		}
	}))
	defer skill.Close()
	cloud.SetSkillURL(skill.URL)

	echo, err := cloud.NewEcho("room-101", &alexatest.EchoOptions{Play: alexatest.Tone(440)})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	call, err := echo.Call(ctx, "reception")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(call.WaitState(ctx, alexatest.StateRinging))
	fmt.Println(call.WaitState(ctx, alexatest.StateConnected))
	fmt.Println(len(cloud.Violations()), "violations")
	// Output:
	// <nil>
	// alexatest: the call has ended: DEVICE_BUSY
	// 0 violations
}

// signal posts one message of a call to Alexa, with a token of its own.
func signal(cloud *alexatest.Cloud, name, session, more string) {
	res, err := http.PostForm(cloud.TokenURL(), url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {cloud.RefreshToken()},
		"client_id": {cloud.ClientID()}, "client_secret": {cloud.ClientSecret()},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil {
		fmt.Println(err)
		return
	}
	body := fmt.Sprintf(`{"type":"Alexa.Comms.CallSignaling.%s","sessionId":%q%s}`, name, session, more)
	r, err := http.NewRequest(http.MethodPost, cloud.URL()+"/v1/communications/signaling", strings.NewReader(body))
	if err != nil {
		fmt.Println(err)
		return
	}
	r.Header.Set("Authorization", "Bearer "+token.AccessToken)
	r.Header.Set("Content-Type", "application/json")
	if res, err = http.DefaultClient.Do(r); err != nil {
		fmt.Println(err)
		return
	}
	res.Body.Close()
}

// A smart-home skill with a door that nobody answers, and a customer who wants to talk to it.
func ExampleHome() {
	home, err := alexatest.NewHome(&alexatest.HomeOptions{Handle: func(_ context.Context, directive []byte) ([]byte, error) {
		var in struct {
			Directive struct {
				Header   struct{ CorrelationToken string }
				Endpoint struct{ EndpointID string }
			}
		}
		if err := json.Unmarshal(directive, &in); err != nil {
			return nil, err
		}
		return fmt.Appendf(nil, `{"event":{
			"header":{"namespace":"Alexa","name":"ErrorResponse","payloadVersion":"3","messageId":"m-1","correlationToken":%q},
			"endpoint":{"endpointId":%q},
			"payload":{"type":"ENDPOINT_UNREACHABLE","message":"nobody is at home"}}}`,
			in.Directive.Header.CorrelationToken, in.Directive.Endpoint.EndpointID), nil
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer home.Close()
	show, err := home.NewShow(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = show.Talk(ctx, "front-door")
	fmt.Println(err)
	for _, e := range home.Transcript() {
		fmt.Println(e.Summary())
	}
	fmt.Println(len(home.Violations()), "violations")
	// Output:
	// alexatest: the skill answered ENDPOINT_UNREACHABLE: nobody is at home
	// directive InitiateSessionWithOffer [audio sendrecv opus PCMU PCMA, video sendrecv H264]
	// answer ErrorResponse ENDPOINT_UNREACHABLE
	// 0 violations
}
