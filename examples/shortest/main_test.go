package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/sip/siptest"
)

// TestReadme keeps the program in README.md the one that is tested here.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	code := source[bytes.Index(source, []byte("package main")):]
	if !bytes.Contains(readme, append([]byte("```go\n"), append(code, "```"...)...)) {
		t.Error("README.md does not show this program as it is")
	}
}

// TestProgram runs the very program: it is built, and meets a simulated Alexa where it expects the real one, behind a proxy of the
// environment and with the roots of the environment.
func TestProgram(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the roots of the environment are a matter of Linux")
	}
	cloud, err := alexatest.NewCloud(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	echo, err := cloud.NewEcho("room-101", &alexatest.EchoOptions{Play: alexatest.Tone(440)})
	if err != nil {
		t.Fatal(err)
	}
	desk, err := siptest.NewPhone(&siptest.PhoneOptions{Play: siptest.Tone(620)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = desk.Close() })
	proxy, roots := amazon(t, cloud)
	skill := freeAddr(t)
	var underTest program.UnderTest
	t.Cleanup(underTest.Remove)
	underTest.Start(t, []string{
		"HTTPS_PROXY=" + proxy, "SSL_CERT_FILE=" + roots, "SSL_CERT_DIR=" + t.TempDir(), "MEDIA_ADDR=127.0.0.1:0", "SIP_ADDR=127.0.0.1:0", "SKILL_ADDR=" + skill,
		"PBX=" + desk.URI(), "SKILL_ID=" + cloud.SkillID(),
		"LWA_CLIENT_ID=" + cloud.ClientID(), "LWA_CLIENT_SECRET=" + cloud.ClientSecret(), "LWA_REFRESH_TOKEN=" + cloud.RefreshToken(),
	})
	await(t, skill)
	cloud.SetSkillURL("http://" + skill)

	call, err := echo.Call(t.Context(), "reception")
	if err != nil {
		t.Fatal(err)
	}
	phone, err := desk.NextCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := call.WaitHeard(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	if share := call.Heard().ToneShare(620); share < 0.8 {
		t.Errorf("the Echo heard the phone's tone with a share of %.2f", share)
	}
	if err := call.Hangup(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := phone.WaitState(t.Context(), siptest.Ended); err != nil {
		t.Fatal(err)
	}
	if share := phone.Heard().ToneShare(440, 0); share < 0.8 {
		t.Errorf("the phone heard the Echo's tone with a share of %.2f", share)
	}
	for _, v := range cloud.Violations() {
		t.Error("violation:", v)
	}
}

// await waits until something listens.
func await(t *testing.T, addr string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return
		}
	}
	t.Fatal("the program does not listen")
}

// freeAddr finds a loopback address that nobody has.
func freeAddr(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", testutil.FreePort(t))
}

// amazon puts the simulated cloud behind the names of the real one: a proxy for HTTPS that leads every host of Amazon's to it. It
// returns the proxy's URL and a file with the roots to trust.
func amazon(t *testing.T, cloud *alexatest.Cloud) (proxy, roots string) {
	t.Helper()
	cert, rootPEM := certificate(t, "api.eu.amazonalexa.com", "api.amazon.com")
	target, err := url.Parse(cloud.URL())
	if err != nil {
		t.Fatal(err)
	}
	api, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	start(t, api, httputil.NewSingleHostReverseProxy(target))
	connect, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	start(t, connect, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := api.Addr().String()
		if strings.HasPrefix(r.Host, "s3.") {
			to = cloud.ChainAddr()
		}
		tunnel(w, to)
	}))
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, append(rootPEM, cloud.RootPEM()...), 0o600); err != nil {
		t.Fatal(err)
	}
	return "http://" + connect.Addr().String(), file
}

func start(t *testing.T, l net.Listener, h http.Handler) {
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
}

// tunnel answers CONNECT.
func tunnel(w http.ResponseWriter, to string) {
	far, err := net.Dial("tcp", to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = far.Close()
		return
	}
	_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(far, near)
		_ = far.Close()
	}()
	_, _ = io.Copy(near, far)
	_ = near.Close()
}

// certificate makes a self-signed certificate for some names.
func certificate(t *testing.T, names ...string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
