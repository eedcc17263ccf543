package sip_test
import ("testing";"context";"fmt";"time"
"log/slog";"os"
"github.com/alexacall/alexacall/bridge"
"github.com/alexacall/alexacall/sip"
"github.com/alexacall/alexacall/sip/siptest")
func TestZZ(t *testing.T){
 in := newIncoming()
 a := listen(t, &sip.Options{Bridge: in, Logger: slog.New(slog.NewTextHandler(os.Stdout,&slog.HandlerOptions{Level:slog.LevelDebug}))})
		bob := newPhone(t, &siptest.PhoneOptions{User: "bob", Network: "tcp", NoMedia: true, OnMessage: func(e siptest.Entry){fmt.Println(e.At, e.String())}})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		out, err := bob.Call(ctx, "sip:x@"+a.Addr().String()+";transport=tcp", nil)
		if err != nil { t.Fatal(err) }
		l := <-in.legs
		if err := l.Answer(ctx, nil); err != nil { t.Fatal(err) }
		if err := out.WaitState(ctx, siptest.Up); err != nil { t.Fatal(err) }
		a.DropConnections()
		fmt.Println(l.Hangup(ctx, bridge.Normal), a.Stats(), bob.Addr(), out.Header("Contact"))
}
