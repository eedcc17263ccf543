package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// ownAddr is the address of a network of the test's own: Janus and baresip leave loopback devices out of their candidates.
const ownAddr = "198.18.0.1"

// janus is a running Janus, which is asked over HTTP.
type janus struct {
	t   *testing.T
	url string // of a session
	n   int
}

// janusConfig is its configuration, by file: it needs no ports but those of a network of its own.
var janusConfig = map[string]string{
	"janus.jcfg": `general: { debug_level = 4 }
nat: { ice_enforce_list = "198.18." }
plugins: { disable = "libjanus_lua.so,libjanus_duktape.so,libjanus_sip.so" }
transports: { disable = "libjanus_rabbitmq.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_websockets.so" }
`,
	"janus.transport.http.jcfg": `general: { base_path = "/janus"  http = true  port = 8089  ip = "127.0.0.1"  https = false }
admin: { admin_http = false }
`,
	"janus.plugin.videoroom.jcfg": "general: { }\n", "janus.plugin.echotest.jcfg": "general: { }\n",
}

func startJanus(t *testing.T) *janus {
	t.Helper()
	plugins, err := filepath.Glob("/usr/lib/*/janus/plugins")
	must(t, err)
	if len(plugins) == 0 {
		t.Fatal("Janus's plugins are nowhere")
	}
	dir := t.TempDir()
	for name, text := range janusConfig {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "janus", "-F", dir, "-P", plugins[0])
	testutil.OwnGroup(cmd)
	t.Cleanup(run(t, cmd, cancel))
	j := &janus{t: t, url: "http://127.0.0.1:8089/janus"}
	eventually(t, "Janus is ready", func() bool {
		r, err := http.DefaultClient.Do(j.request(http.MethodGet, j.url+"/info", nil))
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	j.url += fmt.Sprintf("/%d", j.ask(j.url, map[string]any{"janus": "create"}).Data.ID)
	return j
}

// janusReply is what Janus says.
type janusReply struct {
	Janus string `json:"janus"`
	Data  struct{ ID int64 }
	JSEP  *struct{ Type, SDP string }
	Error *struct{ Reason string }

	PluginData struct {
		Data struct {
			ID    int64 // of a publisher
			Error string
		}
	}
}

func (j *janus) request(method, url string, body []byte) *http.Request {
	j.t.Helper()
	r, err := http.NewRequestWithContext(within(j.t), method, url, bytes.NewReader(body))
	must(j.t, err)
	return r
}

// ask makes a request and returns its response.
func (j *janus) ask(url string, order map[string]any) janusReply {
	j.t.Helper()
	j.n++
	order["transaction"] = fmt.Sprint("t", j.n)
	body, err := json.Marshal(order)
	must(j.t, err)
	return j.read(j.request(http.MethodPost, url, body))
}

func (j *janus) read(request *http.Request) janusReply {
	j.t.Helper()
	r, err := http.DefaultClient.Do(request)
	must(j.t, err)
	defer r.Body.Close()
	var said janusReply
	must(j.t, json.NewDecoder(r.Body).Decode(&said))
	if said.Error != nil || said.PluginData.Data.Error != "" {
		j.t.Fatalf("Janus: %+v, %s", said.Error, said.PluginData.Data.Error)
	}
	return said
}

// attach returns a handle of a plugin.
func (j *janus) attach(plugin string) string {
	j.t.Helper()
	return fmt.Sprintf("%s/%d", j.url, j.ask(j.url, map[string]any{"janus": "attach", "plugin": "janus.plugin." + plugin}).Data.ID)
}

// tell sends a handle a message, perhaps with a description, and returns the event that comes of it.
func (j *janus) tell(handle string, body map[string]any, kind string, d *media.Description) janusReply {
	j.t.Helper()
	order := map[string]any{"janus": "message", "body": body}
	if d != nil {
		order["jsep"] = map[string]any{"type": kind, "sdp": text(j.t, *d)}
	}
	if said := j.ask(handle, order); said.Janus == "success" {
		return said
	}
	return j.next("event")
}

// next waits for the next thing of a kind that happens in the session.
func (j *janus) next(kind string) janusReply {
	j.t.Helper()
	for {
		if said := j.read(j.request(http.MethodGet, j.url+"?maxev=1", nil)); said.Janus == kind {
			return said
		}
	}
}

// TestInteropJanus talks to Janus, which answers our offer and gives back what it hears; and hears somebody in a room of its own, where Janus
// makes the offer.
func TestInteropJanus(t *testing.T) {
	t.Parallel()
	testutil.Need(t, "janus")
	if !testutil.OwnNetwork(t, ownAddr) {
		return
	}
	j := startJanus(t)
	e, err := engine.Listen(ownAddr+":0", nil)
	must(t, err)
	t.Cleanup(func() { must(t, e.Close()) })
	policy := media.Browser()
	policy.Audio, policy.Video = []media.Codec{media.PCMU()}, nil
	opened := func() media.Terminal {
		term, err := e.Open(policy, nil)
		must(t, err)
		return term
	}
	calls := func(handle string, body map[string]any) media.Terminal {
		term := opened()
		offer, err := term.Offer(nil)
		must(t, err)
		must(t, term.Accept(parse(t, j.tell(handle, body, "offer", &offer).JSEP.SDP)))
		return term
	}

	echo := calls(j.attach("echotest"), map[string]any{"audio": true, "video": false, "audiocodec": "pcmu"})
	plays(t, echo, 0x11)
	hears(t, echo, 0x11)

	j.tell(j.attach("videoroom"), map[string]any{"request": "create", "room": 7, "audiocodec": "pcmu"}, "", nil)
	room := j.attach("videoroom")
	speaker := j.tell(room, map[string]any{"request": "join", "ptype": "publisher", "room": 7}, "", nil).PluginData.Data.ID
	plays(t, calls(room, map[string]any{"request": "publish", "audio": true, "video": false}), 0x22)
	j.next("webrtcup") // before that nobody can listen
	listens, listener := j.attach("videoroom"), opened()
	offer := j.tell(listens, map[string]any{"request": "join", "ptype": "subscriber", "room": 7, "streams": []any{map[string]any{"feed": speaker}}}, "", nil)
	answer, err := listener.Answer(parse(t, offer.JSEP.SDP), nil)
	must(t, err)
	j.tell(listens, map[string]any{"request": "start"}, "answer", &answer)
	hears(t, listener, 0x22)
}

// plays has a leg send sound until the test ends, all of which is one byte.
func plays(t *testing.T, term media.Terminal, sound byte) {
	t.Helper()
	codec, done := media.PCMU(), make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := uint16(0); ; n++ {
			_ = term.Stream(media.Audio).Write(&media.Packet{
				Codec: &codec, Start: n == 0, Seq: n, Time: uint32(n) * 160, Payload: bytes.Repeat([]byte{sound}, 160),
			})
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	t.Cleanup(func() { close(done); work.Wait() })
}

// hears waits until a leg has heard a second of that sound.
func hears(t *testing.T, term media.Terminal, sound byte) {
	t.Helper()
	r := term.Stream(media.Audio).Reader()
	defer r.Close()
	stop := context.AfterFunc(within(t), func() { _ = r.Close() })
	defer stop()
	for n, buf := 0, make([]byte, 2048); n < 50; {
		var p media.Packet
		must(t, r.Read(buf, &p))
		if bytes.Equal(p.Payload, bytes.Repeat([]byte{sound}, 160)) {
			n++
		}
	}
}
