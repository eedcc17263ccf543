package audio

// A recordItem is a piece of a recording: a frame of sound or a packet of Opus.
type recordItem struct {
	at   int64 // when, in samples of the recording
	size int   // of its bytes
}

// A recordBatch is what has been recorded and is not yet in the file. Where an item begins later than the one before ends, silence is.
type recordBatch struct {
	items []recordItem
	data  []byte // of the items, one after another
	upTo  int64  // all before this is here, in samples
}

// add appends the last n bytes of data as an item.
func (b *recordBatch) add(at int64, n int) { b.items = append(b.items, recordItem{at: at, size: n}) }

func (b *recordBatch) reset() { b.items, b.data = b.items[:0], b.data[:0] }

// A recordWriter makes a file of what was recorded. Its owner calls it from one goroutine.
type recordWriter interface {
	// begin puts the head of the file into o. First is the first item, nil if there is none yet.
	begin(o *recordOut, first []byte)
	// put puts an item into o, and silence before it. It returns false where o has no room for it.
	put(o *recordOut, at int64, b []byte) bool
	// fill puts silence into o up to a time. It returns false where o has no room for it.
	fill(o *recordOut, upTo int64) bool
	// flush makes the file whole: whatever is written after it, all so far can be heard.
	flush(o *recordOut)
	// end makes the file end, at upTo at the latest, also after an error of o.
	end(o *recordOut, upTo int64)
	// heard returns how many samples the file holds.
	heard() int64
}

// put puts all of b into the file, and returns false where there is no room for it.
func (b *recordBatch) put(w recordWriter, o *recordOut) bool {
	data := b.data
	for _, it := range b.items {
		if !w.put(o, it.at, data[:it.size]) {
			return false
		}
		data = data[it.size:]
	}
	return w.fill(o, b.upTo)
}

// first returns the first item, nil if there is none.
func (b *recordBatch) first() []byte {
	if len(b.items) == 0 {
		return nil
	}
	return b.data[:b.items[0].size]
}
