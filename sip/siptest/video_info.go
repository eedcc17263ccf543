package siptest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// controlType is the media type of requests for a key frame by SIP INFO (RFC 5168).
const controlType = "application/media_control+xml"

// updateElement asks for a key frame in such a request (RFC 5168 section 5).
const updateElement = "picture_fast_update"

// updateBody is a whole request.
const updateBody = `<?xml version="1.0" encoding="utf-8"?>
<media_control><vc_primitive><to_encoder><` + updateElement + `/></to_encoder></vc_primitive></media_control>
`

// RequestKeyFrame asks the other side for a key frame by SIP INFO (RFC 5168). It fails when the call is not up, and when the other side
// refuses.
func (c *Call) RequestKeyFrame(ctx context.Context) error {
	if !c.p.enter() {
		return errClosed
	}
	defer c.p.running.Done()
	if s := c.State(); s != Up {
		return fmt.Errorf("siptest: call is %s: no key frame can be asked for", s)
	}
	req := c.request(sipmsg.INFO, 0, "")
	contentType := sipmsg.ContentTypeHeader(controlType)
	req.AppendHeader(&contentType)
	req.SetBody([]byte(updateBody))
	res, err := c.do(ctx, req)
	if err != nil {
		return err
	}
	if !res.IsSuccess() {
		return fmt.Errorf("siptest: INFO was answered with %d %s", res.StatusCode, res.Reason)
	}
	return nil
}

// informed handles an INFO, which a phone with pictures understands.
func (c *Call) informed(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	if err := c.update(req); err != nil {
		c.p.respond(tx, req, sipmsg.StatusUnsupportedMediaType, "Unsupported Media Type", sipmsg.NewHeader("Accept", controlType))
		return
	}
	c.p.respond(tx, req, sipmsg.StatusOK, "OK")
}

// update does what an INFO asks for.
func (c *Call) update(req *sipmsg.Request) error {
	kind := ""
	if h := req.ContentType(); h != nil {
		kind, _, _ = strings.Cut(h.Value(), ";")
	}
	if !strings.EqualFold(strings.TrimSpace(kind), controlType) {
		return errors.New("siptest: INFO of another kind")
	}
	if c.video != nil && strings.Contains(string(req.Body()), updateElement) {
		c.video.askedByInfo()
	}
	return nil
}
