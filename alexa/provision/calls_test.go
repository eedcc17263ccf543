package provision_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa/provision"
)

// TestCalls compares each request with what Amazon documents, to the byte.
func TestCalls(t *testing.T) {
	for _, tt := range callCases() {
		t.Run(tt.name, func(t *testing.T) {
			var got, token string
			client := &provision.Client{
				Endpoint: "https://gateway.example/asp/", Tokens: fixed("management"), ProviderTokens: fixed("provider"),
				HTTPClient: &http.Client{Transport: trip(func(r *http.Request) (*http.Response, error) {
					body, err := io.ReadAll(r.Body)
					if err != nil {
						return nil, err
					}
					got = strings.TrimSpace(r.Method + " " + r.URL.RequestURI() + " " + string(body))
					token = r.Header.Get("Authorization")
					if (r.Header.Get("Content-Type") == "application/json") != (len(body) > 0) || r.Header.Get("Accept") != "application/json" {
						t.Errorf("headers %v", r.Header)
					}
					if _, ok := r.Context().Deadline(); !ok {
						t.Error("a request without a deadline")
					}
					return said(r, 200, tt.answer), nil
				})},
			}
			value, err := tt.call(t.Context(), client)
			if err != nil || value != tt.want {
				t.Errorf("returned %v, %v; want %v", value, err, tt.want)
			}
			method, target, _ := strings.Cut(tt.request, " ")
			if want := method + " /asp" + target; got != want {
				t.Errorf("sent\n%s, want\n%s", got, want)
			}
			if token != "Bearer "+tt.scope {
				t.Errorf("token %q, want that for %s", token, tt.scope)
			}
			// One token source does for both scopes.
			client.ProviderTokens = nil
			if _, err := tt.call(t.Context(), client); err != nil || token != "Bearer management" {
				t.Errorf("with one source: token %q, %v", token, err)
			}
			// The operation has the name that its errors have.
			client.HTTPClient.Transport = trip(func(r *http.Request) (*http.Response, error) { return said(r, 403, ``), nil })
			_, err = tt.call(t.Context(), client)
			e, ok := errors.AsType[*provision.Error](err)
			if !ok || !strings.HasPrefix(tt.name, e.Op) || e.Method != method || e.Status != 403 || e.Retryable() || e.Uncertain {
				t.Errorf("error %#v", err)
			}
		})
	}
}

// TestNotCalled has nothing sent that is wrong in itself, or would be something else on the way.
func TestNotCalled(t *testing.T) {
	client := &provision.Client{Tokens: fixed("x"), HTTPClient: &http.Client{Transport: trip(func(r *http.Request) (*http.Response, error) {
		return nil, errors.New("sent: " + r.URL.String())
	})}}
	ctx := t.Context()
	good := provision.Contact{Name: "n", ProviderContact: "p"}
	with := func(f func(*provision.Contact)) error {
		k := good
		f(&k)
		_, err := client.CreateContact(ctx, "b", k)
		return err
	}
	for name, err := range map[string]error{
		"empty id":        client.DeleteProfile(ctx, ""),
		"dots":            client.DeleteProfile(ctx, ".."),
		"line break":      client.DeleteProfile(ctx, "a\r\nHost: x"),
		"not UTF-8":       client.DeleteProfile(ctx, "\xff"),
		"long id":         client.DeleteProfile(ctx, strings.Repeat("x", 513)),
		"long name":       client.RenameProfile(ctx, profileID, strings.Repeat("x", 257)),
		"name of lines":   client.RenameProfile(ctx, profileID, "a\nb"),
		"no unit":         client.AttachBook(ctx, "b", ""),
		"no skill":        client.CreateNetwork(ctx, providerID, ""),
		"no account":      client.Associate(ctx, providerID, provision.Association{ProfileID: profileID}),
		"no profile":      client.Associate(ctx, providerID, provision.Association{ExternalUserID: "7201"}),
		"strange account": client.Dissociate(ctx, providerID, "72\x0001"),
		"no names":        client.RenameProvider(ctx, providerID, nil),
		"no filter":       second(firstOf(client.Associations(ctx, providerID))),
		"long filter":     second(firstOf(client.Associations(ctx, providerID, make([]string, 101)...))),
		"no contact name": with(func(k *provision.Contact) { k.Name = "" }),
		"leads nowhere":   with(func(k *provision.Contact) { k.ProviderContact = "" }),
		"four numbers":    with(func(k *provision.Contact) { k.Numbers = []string{"1", "2", "3", "4"} }),
		"bad number":      with(func(k *provision.Contact) { k.Numbers = []string{"1\r\n"} }),
		"bad address":     with(func(k *provision.Contact) { k.ProviderContact = "a\tb" }),
		"no tokens":       (&provision.Client{}).DeleteProfile(ctx, "p"),
		"bad endpoint":    (&provision.Client{Endpoint: "api.amazonalexa.com", Tokens: fixed("x")}).DeleteProfile(ctx, "p"),
	} {
		e, ok := errors.AsType[*provision.Error](err)
		if !ok || e.Retryable() || e.Uncertain || e.Status != 0 || strings.Contains(err.Error(), "sent: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
