package mediaserver

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
)

const (
	echoFor    = 30 * time.Second // Echo.For
	echoPacket = 2048             // octets of a packet
)

// echo has the party hear itself: its packets go back as they come. The player is another one afterwards, for a stream has one writer.
func (v *ivr) echo(ctx context.Context, o *Echo) {
	v.back.off()
	_ = v.player.Close()
	stream := v.media.Stream(media.Audio)
	reader := stream.Reader()
	over := func() { _ = reader.Close() }
	late := time.AfterFunc(cmp.Or(o.For, echoFor), over)
	stop := context.AfterFunc(ctx, over)
	mirror(reader, stream)
	stop()
	late.Stop()
	over()
	v.player = audio.NewPlayer(v.server.Clock, stream, nil)
}

// mirror writes to a stream what is read of it, until the reader is closed.
func mirror(reader *media.Reader, to media.Stream) {
	buf := make([]byte, echoPacket)
	for first := true; ; {
		var p media.Packet
		switch err := reader.Read(buf, &p); {
		case errors.Is(err, media.ErrChanged), errors.Is(err, io.ErrShortBuffer):
			continue
		case err != nil:
			return
		}
		if p.What != media.RTP {
			continue
		}
		p.Start = p.Start || first
		first = false
		_ = to.Write(&p) // what the far side does not take it does not hear
	}
}
