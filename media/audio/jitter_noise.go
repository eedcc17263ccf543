package audio

// hush has what is invented from now on sound as a packet of comfort noise says (RFC 3389), until there is sound again.
func (v *voices) hush(q *queued) {
	o := v.find(q.codec)
	if o.from == nil {
		return
	}
	var err error
	if v.pcm, err = o.from.Decode(v.pcm[:0], q.payload); err == nil { // what it appends is some noise, and Conceal makes more
		v.now = o
	}
}
