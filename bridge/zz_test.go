package bridge_test
import ("testing";"time";"context";"fmt";"os"
"github.com/alexacall/alexacall/bridge"
)
func trace(t *testing.T, name string, l bridge.Leg){
 begun:=time.Now()
 go func(){ rev:=uint64(0); for { i,err:=l.Next(context.Background(),rev); if err!=nil{return}; rev=i.Rev
 if os.Getenv("TRACE")!="" {fmt.Println(time.Since(begun),name,i.Phase,"far",i.Far,"pending",i.Pending,"agreed",l.Media().Plan()) }}}()
}
