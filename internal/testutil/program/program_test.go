package program_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
)

// roleVariable has this very binary play a program.
const roleVariable = "PROGRAM_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	testutil.Leaks(m)
}

// play is the program that the tests start.
func play(role string) int {
	switch role {
	case "echoes":
		var word string
		_, _ = fmt.Scanln(&word)
		fmt.Printf("read %s\n", word)
		fmt.Fprintln(os.Stderr, "no more to read")
		return 7
	case "waits":
		interrupt := make(chan os.Signal, 1)
		signal.Notify(interrupt, os.Interrupt)
		fmt.Println("ready")
		<-interrupt
		fmt.Println("draining")
		return 0
	}
	return 1
}

func as(role string) []string { return append(os.Environ(), roleVariable+"="+role) }

// self is the path of this binary.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOutput reads what a program prints of what is typed, and its exit status.
func TestOutput(t *testing.T) {
	t.Parallel()
	p := program.StartReading(t, strings.NewReader("hello\n"), as("echoes"), self(t))
	if m := p.Await(t, `(?m)^read (\w+)$`); len(m) != 2 || m[1] != "hello" {
		t.Errorf("Await returns %q, want the word that was typed", m)
	}
	if status := p.Wait(t, program.Patience); status != 7 || !p.Ended() {
		t.Errorf("exit status %d, ended: %t, want 7 and true", status, p.Ended())
	}
	if m := p.Await(t, "no more"); m != nil {
		t.Errorf("Await finds %q on standard error, want standard output alone", m)
	}
	if got := p.Stdout(); got != "read hello\n" {
		t.Errorf("standard output %q", got)
	}
	if got := p.Stderr(); got != "no more to read\n" {
		t.Errorf("standard error %q", got)
	}
}

// TestInterrupt has a program end itself, and stops one that has ended.
func TestInterrupt(t *testing.T) {
	program.Interruptible(t)
	t.Parallel()
	p := program.Start(t, as("waits"), self(t))
	if p.Await(t, "ready") == nil || p.Ended() {
		t.Fatal("the program does not wait")
	}
	p.Interrupt(t)
	if status := p.Wait(t, program.Patience); status != 0 || p.Stdout() != "ready\ndraining\n" {
		t.Errorf("exit status %d after an interrupt, %q on standard output", status, p.Stdout())
	}
	p.Stop()

	p = program.Start(t, as("waits"), self(t))
	if p.Await(t, "ready") == nil {
		t.Fatal("the program does not wait")
	}
	p.Stop()
	if !p.Ended() || !strings.HasSuffix(p.Stdout(), "draining\n") {
		t.Errorf("ended after Stop: %t, %q on standard output", p.Ended(), p.Stdout())
	}
}

// TestEndOfTest has a test leave a program running, which is killed then.
func TestEndOfTest(t *testing.T) {
	t.Parallel()
	var p *program.Process
	t.Run("leaves it", func(t *testing.T) {
		if p = program.Start(t, as("waits"), self(t)); p.Await(t, "ready") == nil {
			t.Fatal("the program does not wait")
		}
	})
	if !p.Ended() || strings.Contains(p.Stdout(), "draining") {
		t.Errorf("ended after its test: %t, %q on standard output, want it killed", p.Ended(), p.Stdout())
	}
}

// shown is a program that prints one setting, the variables that must not come through, and where temporary files go.
const shown = `package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Printf("%q %q %q %s", os.Getenv("SHOWN_ADDR"), os.Getenv("SHOWN_NAME"), os.Getenv("SHOWNOT"), os.TempDir())
}
`

// TestUnderTest builds a program and starts it twice, with no settings but the test's.
func TestUnderTest(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module shown\n", "main.go": shown} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("SHOWN_NAME", "of the machine")
	t.Setenv("SHOWNOT", "another's")
	t.Setenv("TMPDIR", t.TempDir()) // what is built is there
	t.Setenv("TMP", os.Getenv("TMPDIR"))
	u := program.UnderTest{Settings: []string{"SHOWN_", "SIP_PASSWORD="}}
	for range 2 {
		p := u.Start(t, []string{"SHOWN_ADDR=127.0.0.1:0"})
		if status := p.Wait(t, program.Patience); status != 0 {
			t.Fatalf("exit status %d", status)
		}
		if got, want := p.Stdout(), `"127.0.0.1:0" "" "another's" `; !strings.HasPrefix(got, want) {
			t.Errorf("the program sees %s, want %s", got, want)
		}
		if strings.HasSuffix(p.Stdout(), " "+os.TempDir()) {
			t.Error("the program leaves its files where others do")
		}
	}
	if err := os.Remove("main.go"); err != nil { // it is built once
		t.Fatal(err)
	}
	if status := u.Start(t, nil).Wait(t, program.Patience); status != 0 {
		t.Errorf("exit status %d, once the source is gone", status)
	}
	u.Remove()
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "program-test-*")); err != nil || len(left) > 0 {
		t.Errorf("%q is left, %v", left, err)
	}
}

// TestPEMFiles reads back what is written.
func TestPEMFiles(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := program.PEMFiles(t, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private})
	got, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	if !private.Equal(got.PrivateKey) || !bytes.Equal(got.Certificate[0], der) {
		t.Error("another certificate or key")
	}
}
