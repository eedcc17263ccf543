package sip_test

import (
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
)

// sippTLSEnv is the environment variable that names a SIPp which speaks TLS, as internal/tools/sipp-tls.sh prints it. Without it there is the one
// that the script has made, or the one on the path if it does. That of Debian 13, 3.7 with wolfSSL, says so, and fails to send.
const sippTLSEnv = "ALEXACALL_SIPP_TLS"

// sippTLS is what a SIPp and an agent show each other: both have certificates, and check each other's.
type sippTLS struct {
	ours          *tls.Config
	cert, key, ca string // SIPp's files
}

// use has the agent speak TLS too, and returns what SIPp is told.
func (s *sippTLS) use(o *sip.Options) []string {
	o.TLS, o.TLSAddr = s.ours.Clone(), "127.0.0.1:0"
	return []string{"-tls_cert", s.cert, "-tls_key", s.key, "-tls_ca", s.ca}
}

// needSippTLS returns a SIPp that speaks TLS. Without one it skips the test, or fails it if one is named.
func needSippTLS(t *testing.T) string {
	t.Helper()
	named := os.Getenv(sippTLSEnv)
	program := named
	if made, err := filepath.Abs("../.cache/sipp-tls/sipp"); named == "" && err == nil {
		if program = made; !isFile(made) {
			testutil.Need(t, "sipp")
			program = "sipp"
		}
	}
	text, err := exec.CommandContext(t.Context(), program, "-v").CombinedOutput() // which ends with status 99
	switch {
	case strings.Contains(string(text), "-TLS") && !strings.Contains(string(text), " v3.7."):
		return program
	case named != "":
		t.Fatalf("%s=%s speaks no TLS: %v\n%s", sippTLSEnv, named, err, text)
	}
	t.Skipf("sipp speaks no TLS, and neither %s nor internal/tools/sipp-tls.sh has one that does", sippTLSEnv)
	return ""
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// TestInteropSippSetsTLS runs the short scenarios of the corpora over TLS with certificates both ways, which each side checks.
func TestInteropSippSetsTLS(t *testing.T) {
	program := needSippTLS(t)
	ca := newAuthority(t)
	s := &sippTLS{ours: ca.config()}
	s.ours.ClientAuth = tls.RequireAndVerifyClientCert
	s.cert, s.key, s.ca = ca.files(t.TempDir())
	runSippSets(t, sippTurn{program: program, networks: []string{"tls"}, security: s})
}
