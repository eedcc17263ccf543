package mediaserver

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// folderRecording is a file of a Folder that is being written.
type folderRecording struct {
	*os.File
	of         *Folder
	dir        string // of the domain
	temp, name string
}

// Done puts the file in its place.
func (r *folderRecording) Done() (name string, err error) {
	root, err := r.of.root.OpenRoot(r.dir)
	if err == nil {
		defer func() { _ = root.Close() }()
		name, err = r.of.place(root, r.temp, r.name)
	}
	if err != nil {
		return "", storeError("record", err)
	}
	return name, nil
}

// Discard removes the file, unless it is in its place.
func (r *folderRecording) Discard() error {
	err := r.of.root.Remove(filepath.Join(r.dir, r.temp))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return storeError("discard", err)
	}
	return nil
}

// mostNumbers is how many recordings of one name get a number; those after them get something random.
const mostNumbers = 99

// place renames a file to a name or, if another has it, to one that is free.
func (f *Folder) place(root *os.Root, temp, name string) (string, error) {
	if _, err := root.Lstat(temp); err != nil {
		return "", err
	}
	f.placing.Lock()
	defer f.placing.Unlock()
	as, err := takeName(root, name)
	if err != nil {
		return "", err
	}
	if err := root.Rename(temp, as); err != nil {
		_ = root.Remove(as)
		return "", err
	}
	return as, nil
}

// takeName makes an empty file of a name that is free: from then on it is nobody else's.
func takeName(root *os.Root, name string) (as string, err error) {
	as = name
	for n := 2; ; n++ {
		var file *os.File
		file, err = root.OpenFile(as, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		switch {
		case err == nil:
			return as, file.Close()
		case !errors.Is(err, fs.ErrExist) || n > mostNumbers+1:
			return "", err
		case n > mostNumbers:
			as = numbered(name, "-"+strings.ToLower(rand.Text()))
		default:
			as = numbered(name, "-"+strconv.Itoa(n))
		}
	}
}

// salvage puts in their place the recordings that a program was writing when it died, and removes what else it has left.
func (f *Folder) salvage() error {
	domains, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, d := range domains {
		if !d.IsDir() || !isDomainFolder(d.Name()) {
			continue
		}
		if err := f.salvageDomain(d.Name()); err != nil {
			return err
		}
	}
	return nil
}

func isDomainFolder(dir string) bool {
	name, err := domainFolder(dir)
	return dir == noDomain || err == nil && name == dir
}

func (f *Folder) salvageDomain(dir string) error {
	root, err := f.root.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	files, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	for _, file := range files {
		if !file.Type().IsRegular() {
			continue
		}
		if err := f.salvageFile(root, file.Name()); err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) salvageFile(root *os.Root, temp string) error {
	if strings.HasPrefix(temp, putPrefix) {
		return root.Remove(temp)
	}
	name := recordedAs(temp)
	if name == "" {
		return nil
	}
	info, err := root.Lstat(temp)
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return root.Remove(temp)
	}
	_, err = f.place(root, temp, name)
	return err
}

// recordedAs returns the name that a recording was to get; empty: it is none of ours.
func recordedAs(temp string) string {
	salted, ok := strings.CutPrefix(temp, recordPrefix)
	if !ok || len(salted) <= saltSize+1 || checkName(salted[saltSize+1:]) != nil {
		return ""
	}
	return salted[saltSize+1:]
}
