package rest_test

import (
	"context"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/rest"
)

// An application puts a prompt where the IVR of its domain finds it, with a token that it has signed.
func Example() {
	dir, err := os.MkdirTemp("", "prompts")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	folder, err := mediaserver.OpenFolder(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = folder.Close() }()
	private := keys()[ours] // of the application; the media server has the public one

	server := &mediaserver.Server{Domain: "customer.example", Prompts: folder} // and an Application, a Clock and a Dialer
	h := &rest.Handler{
		Calls: func(domain string) (rest.Calls, bool) { return server, domain == server.Domain },
		Keys: func(_ context.Context, domain string) ([]*rsa.PublicKey, error) {
			if domain != server.Domain {
				return nil, nil
			}
			return []*rsa.PublicKey{&private.PublicKey}, nil
		},
		Prompts: folder,
	}

	now := time.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": "customer.example", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}).SignedString(private)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, auth := range []string{"Bearer " + token, ""} {
		r := httptest.NewRequest(http.MethodPut, "/mediaservice/customer.example/promptfile/welcome.ogg", strings.NewReader("OggS..."))
		r.Header.Set("Authorization", auth)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 {"success":true}
	// 401 {"success":false,"reason":"no valid token"}
}
