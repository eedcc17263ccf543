package alexa

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	maxJournalCalls = 10_000  // that are open at a time
	maxJournalLine  = 4 << 10 // bytes; longer ones are not ours
	maxJournalFile  = 64 << 20
	journalSlack    = 1_000 // lines of calls that have ended, before the file is written anew
)

var (
	// ErrJournalFull is returned by [FileJournal.Open] when 10,000 calls are open.
	ErrJournalFull = errors.New("alexa: journal is full")
	// ErrJournalBusy is returned by [OpenJournal] while another process has the journal.
	ErrJournalBusy = errors.New("alexa: journal belongs to another process")
)

// JournalOptions change how a FileJournal works. Nil and the zero value are the defaults.
type JournalOptions struct {
	// Sync has every record flushed to the disk, so that it survives the loss of power and not only that of the process. It costs each
	// call two flushes.
	Sync bool
}

// A FileJournal is the [Journal] in a file, of mode 0600: one line for each call that begins, and one for each that has ended. What was
// written survives the death of the process; the file is flushed to the disk when it is written anew and closed, and after each line if
// the options say so. A line that was cut off, or that is not ours, is passed over. The file is written anew, and put in place whole,
// when it is opened and when a thousand lines more than needed have gathered. While it is open, path+".lock" is locked where the
// system knows such locks (not on Windows), for a second process would end the calls of the first. Its methods are safe for concurrent use.
type FileJournal struct {
	path string
	sync bool
	lock *os.File

	mu     sync.Mutex
	file   *os.File // nil when it could not be opened again
	closed bool
	calls  map[string]OpenCall
	lines  int  // in the file
	torn   bool // the last line may lack its end
}

var _ Journal = (*FileJournal)(nil)

// journalLine is one line of the file. Open or Closed holds a session id.
type journalLine struct {
	Open     string    `json:"open,omitempty"`
	Endpoint string    `json:"endpoint,omitempty"`
	User     string    `json:"user,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Closed   string    `json:"closed,omitempty"`
}

// OpenJournal opens the journal at path, and makes it if it is not there. The error is that of the file system, or ErrJournalBusy.
func OpenJournal(path string, o *JournalOptions) (*FileJournal, error) {
	if o == nil {
		o = &JournalOptions{}
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("alexa: journal: %w", err)
	}
	j := &FileJournal{path: path, sync: o.Sync, lock: lock}
	if err := j.load(); err != nil {
		_ = j.Close()
		return nil, err
	}
	return j, nil
}

// load reads what is there, and begins a new file with it.
func (j *FileJournal) load() error {
	if err := lockFile(j.lock); err != nil {
		return fmt.Errorf("%w: %w", ErrJournalBusy, err)
	}
	f, err := os.Open(j.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		j.calls = map[string]OpenCall{}
	case err != nil:
		return fmt.Errorf("alexa: journal: %w", err)
	default:
		j.calls, err = readJournal(f)
		_ = f.Close()
		if err != nil {
			return fmt.Errorf("alexa: journal: %w", err)
		}
	}
	return j.rewrite()
}

// readJournal returns the calls that are open after the last line of a file.
func readJournal(from io.Reader) (map[string]OpenCall, error) {
	calls := map[string]OpenCall{}
	r := bufio.NewReaderSize(io.LimitReader(from, maxJournalFile), maxJournalLine)
	for long := false; ; {
		line, err := r.ReadSlice('\n')
		if err == nil && !long { // else it was cut off, or goes on
			applyLine(calls, line)
		}
		switch long = errors.Is(err, bufio.ErrBufferFull); {
		case errors.Is(err, io.EOF):
			return calls, nil
		case err != nil && !long:
			return nil, err
		}
	}
}

// applyLine does what a line says, and nothing if it is not one of ours.
func applyLine(calls map[string]OpenCall, line []byte) {
	var l journalLine
	if json.Unmarshal(line, &l) != nil {
		return
	}
	if l.Closed != "" {
		delete(calls, l.Closed)
		return
	}
	_, known := calls[l.Open]
	if validText("sessionId", l.Open, MaxSessionID) == nil && (known || len(calls) < maxJournalCalls) {
		calls[l.Open] = OpenCall{SessionID: l.Open, Origin: Origin{l.Endpoint, l.User}, Since: l.Since}
	}
}

// lineOf returns the line of a call that is open.
func lineOf(c OpenCall) journalLine {
	return journalLine{Open: c.SessionID, Endpoint: c.Origin.Endpoint, User: c.Origin.User, Since: c.Since}
}

// Open implements Journal. A call that is open already is noted anew.
func (j *FileJournal) Open(c OpenCall) error {
	if err := validText("sessionId", c.SessionID, MaxSessionID); err != nil {
		return fmt.Errorf("alexa: journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, known := j.calls[c.SessionID]; !known && len(j.calls) >= maxJournalCalls {
		return ErrJournalFull
	}
	j.calls[c.SessionID] = c
	return j.append(lineOf(c))
}

// Closed implements Journal.
func (j *FileJournal) Closed(sessionID string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, known := j.calls[sessionID]; !known {
		return nil
	}
	delete(j.calls, sessionID)
	return j.append(journalLine{Closed: sessionID})
}

// Pending implements Journal.
func (j *FileJournal) Pending() ([]OpenCall, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.pending(), nil
}

func (j *FileJournal) pending() []OpenCall {
	out := make([]OpenCall, 0, len(j.calls))
	for _, c := range j.calls {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b OpenCall) int { return a.Since.Compare(b.Since) })
	return out
}

// Close flushes the file to the disk and gives it up. The calls in it stay open. It may be called again.
func (j *FileJournal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	err := j.lock.Close()
	if j.file != nil {
		err = errors.Join(j.file.Sync(), j.file.Close(), err)
	}
	if err != nil {
		return fmt.Errorf("alexa: journal: %w", err)
	}
	return nil
}

// append writes one line. j.mu is held.
func (j *FileJournal) append(l journalLine) error {
	if j.closed {
		return fmt.Errorf("alexa: journal: %w", os.ErrClosed)
	}
	line, err := encodeLine(l)
	if err != nil {
		return err
	}
	if j.file == nil {
		if err := j.reopen(); err != nil {
			return fmt.Errorf("alexa: journal: %w", err)
		}
	}
	if j.torn { // so that this line is not lost too
		line = append([]byte{'\n'}, line...)
	}
	n, err := j.file.Write(line)
	j.torn = err != nil && (n > 0 || j.torn)
	if err == nil && j.sync {
		err = j.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("alexa: journal: %w", err)
	}
	if j.lines++; j.lines <= len(j.calls)+journalSlack {
		return nil
	}
	return j.rewrite()
}

func encodeLine(l journalLine) ([]byte, error) {
	line, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("alexa: journal: %w", err)
	}
	if line = append(line, '\n'); len(line) > maxJournalLine {
		return nil, errors.New("alexa: journal: line too long")
	}
	return line, nil
}

// rewrite writes the file anew, with the calls that are open. Until it has succeeded the old one goes on, and what failed is tried again
// when as many lines more have gathered.
func (j *FileJournal) rewrite() error {
	j.lines = len(j.calls)
	var text bytes.Buffer
	for _, c := range j.pending() {
		line, err := encodeLine(lineOf(c))
		if err != nil {
			continue // it came from a file that somebody else has written
		}
		text.Write(line)
	}
	if err := j.replace(text.Bytes()); err != nil {
		return fmt.Errorf("alexa: journal: %w", err)
	}
	return nil
}

// replace puts a new file in the place of the old one, which Windows wants closed before.
func (j *FileJournal) replace(text []byte) error {
	fresh := j.path + ".new"
	if err := writeFile(fresh, text); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	if j.file != nil {
		_ = j.file.Close()
		j.file = nil
	}
	renamed := os.Rename(fresh, j.path)
	if renamed == nil {
		j.torn = false
		syncDir(filepath.Dir(j.path))
	}
	return errors.Join(renamed, j.reopen())
}

func (j *FileJournal) reopen() error {
	f, err := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err == nil {
		j.file = f
	}
	return err
}

func writeFile(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close())
}

// syncDir flushes a folder, where the system can do that: without it a new name may not survive the loss of power.
func syncDir(path string) {
	if d, err := os.Open(path); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
