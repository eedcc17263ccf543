package alexa_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
)

// What a child of TestKilled is told, by its environment.
const (
	childCloud   = "ALEXACALL_TEST_CLOUD"
	childChain   = "ALEXACALL_TEST_CHAIN"
	childSkill   = "ALEXACALL_TEST_SKILL"
	childClient  = "ALEXACALL_TEST_CLIENT"
	childSecret  = "ALEXACALL_TEST_SECRET"
	childRefresh = "ALEXACALL_TEST_REFRESH"
	childRoots   = "ALEXACALL_TEST_ROOTS"
	childJournal = "ALEXACALL_TEST_JOURNAL"
	childDials   = "ALEXACALL_TEST_DIALS"
)

// TestKilledChild is the skill of TestKilled, in a process of its own. It prints its URL once it is ready, and lives until it is killed.
func TestKilledChild(t *testing.T) {
	cloud := os.Getenv(childCloud)
	if cloud == "" {
		t.Skip("runs as a child of TestKilled")
	}
	pem, err := os.ReadFile(os.Getenv(childRoots))
	must(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	tokens, err := lwa.NewSource(lwa.Credentials{
		ClientID: os.Getenv(childClient), ClientSecret: os.Getenv(childSecret), RefreshToken: os.Getenv(childRefresh),
	}, &lwa.Options{TokenURL: cloud + "/auth/o2/token"})
	must(t, err)
	journal, err := alexa.OpenJournal(os.Getenv(childJournal), nil)
	must(t, err)
	skill := &alexa.Skill{
		ID: os.Getenv(childSkill), Client: &alexa.Client{Endpoint: cloud, Tokens: tokens}, Engine: &calltest.Engine{}, Roots: roots,
		DialContext: dialTo(os.Getenv(childChain)), Journal: journal, Bridge: bridge.Func(childTakes),
	}
	must(t, skill.Recover(t.Context()))
	server := httptest.NewServer(skill)
	defer server.Close()
	fmt.Println("URL", server.URL)
	if to := os.Getenv(childDials); to != "" {
		_, err := skill.Dial(t.Context(), to, nil)
		must(t, err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// childTakes takes a call as far as its callee says.
func childTakes(ctx context.Context, in bridge.Leg) error {
	switch in.Info().To.URI {
	case "rings":
		_ = in.Ring(ctx, nil)
	case "early":
		_ = in.Ring(ctx, g711())
	case "talks":
		_ = in.Answer(ctx, g711())
	}
	<-ctx.Done()
	return nil
}

// child is a skill in another process.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

// newChild starts a child and lets it get the events of a cloud.
func newChild(t *testing.T, cloud *alexatest.Cloud, dir, dials string) *child {
	t.Helper()
	roots := filepath.Join(dir, "roots")
	must(t, os.WriteFile(roots, cloud.RootPEM(), 0o600))
	c := &child{cmd: exec.Command(os.Args[0], "-test.run=^TestKilledChild$", "-test.count=1")}
	c.cmd.Env = append(os.Environ(),
		childCloud+"="+cloud.URL(), childChain+"="+cloud.ChainAddr(), childSkill+"="+cloud.SkillID(), childClient+"="+cloud.ClientID(),
		childSecret+"="+cloud.ClientSecret(), childRefresh+"="+cloud.RefreshToken(), childRoots+"="+roots,
		childJournal+"="+filepath.Join(dir, "journal"), childDials+"="+dials)
	c.cmd.Stderr = os.Stderr
	stdin, err := c.cmd.StdinPipe() // the child ends with this process
	must(t, err)
	c.stdin = stdin
	stdout, err := c.cmd.StdoutPipe()
	must(t, err)
	must(t, c.cmd.Start())
	t.Cleanup(c.kill)
	timer := time.AfterFunc(time.Minute, c.kill)
	defer timer.Stop()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "URL "); ok {
			cloud.SetSkillURL(url)
			return c
		}
	}
	t.Fatal("the child has not come up")
	return nil
}

// kill ends the child as a crash would. It may be called again.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
	_ = c.stdin.Close()
}

// TestKilled kills a skill with calls of every state, and starts it again: Alexa is told that they are over.
func TestKilled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cloud, err := alexatest.NewCloud(nil)
	must(t, err)
	t.Cleanup(cloud.Close)
	echo, err := cloud.NewEcho("7201", &alexatest.EchoOptions{NoMedia: true})
	must(t, err)
	dir := t.TempDir()
	first := newChild(t, cloud, dir, "7201")
	dialled, err := echo.NextCall(ctx)
	must(t, err)
	must(t, dialled.WaitState(ctx, alexatest.StateConnected))
	calls := map[string]*alexatest.Call{"dialled": dialled}
	for callee, state := range map[string]alexatest.State{
		"offered": alexatest.StateOffered, "rings": alexatest.StateRinging, "early": alexatest.StateInProgress, "talks": alexatest.StateConnected,
	} {
		calls[callee], err = echo.Call(ctx, callee)
		must(t, err)
		must(t, calls[callee].WaitState(ctx, state))
	}
	first.kill()
	for name, call := range calls {
		if call.State() == alexatest.StateEnded {
			t.Errorf("%s: the call has ended by itself", name)
		}
	}
	second := newChild(t, cloud, dir, "")
	for name, call := range calls {
		if err := call.WaitState(ctx, alexatest.StateEnded); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if code, _ := call.Ended(); code != "INTERNAL_ERROR" {
			t.Errorf("%s: ended with %q", name, code)
		}
	}
	second.kill()
	journal := openJournal(t, filepath.Join(dir, "journal"))
	wantPending(t, journal)
}
