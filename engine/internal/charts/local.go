package charts

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"berth.dev/engine/internal/problem"
)

// maxEntries bounds what is looked at in a chart's directory, also of what its
// .helmignore leaves out. A link back into the directory runs into it.
const maxEntries = 50_000

// fromPath reads a chart of this machine. Links are followed, as Helm does:
// whoever may name any directory gains nothing by a link.
func fromPath(name string) (*Loaded, error) {
	if name == "" {
		return nil, missing(name, nil)
	}
	// Helm's messages name the absolute path.
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, missing(name, err)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, missing(name, err)
	case info.IsDir():
		return fromDirectory(path)
	case info.Mode().IsRegular():
		return fromFile(path, name)
	}
	// Reading a pipe or a device may never end.
	return nil, invalid(errors.New("it is neither a directory nor a file"))
}

func fromFile(path, name string) (*Loaded, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, missing(name, err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxArchive+1))
	if err != nil {
		return nil, missing(name, err)
	}
	loaded, err := fromArchive(content)
	if err != nil {
		return nil, err
	}
	beside, err := os.Open(path + provenanceSuffix)
	if err != nil {
		return loaded, nil
	}
	defer beside.Close()
	loaded.provenance, _ = io.ReadAll(io.LimitReader(beside, maxProvenance))
	return loaded, nil
}

func fromDirectory(path string) (*Loaded, error) {
	// Before anything is walked: a directory without it may be of any size.
	if _, err := os.Stat(filepath.Join(path, "Chart.yaml")); err != nil {
		return nil, invalid(errors.New("it has no Chart.yaml"))
	}
	if err := (&walk{root: path}).directory(path); err != nil {
		return nil, invalid(withoutPath(err, path))
	}
	loaded, err := loader.LoadDir(path)
	if err != nil {
		return nil, invalid(withoutPath(err, path))
	}
	files := make([]*archive.BufferedFile, 0, len(loaded.Raw))
	for _, file := range loaded.Raw {
		files = append(files, &archive.BufferedFile{Name: file.Name, ModTime: file.ModTime, Data: file.Data})
	}
	if len(files) > maxFiles {
		return nil, invalid(fmt.Errorf("it has %d files, at most %d are taken", len(files), maxFiles))
	}
	return &Loaded{files: files, Digest: digestFiles(files)}, nil
}

// walk looks through a directory before Helm loads it: Helm bounds the bytes of
// its files, but neither their number nor what its packed dependencies inflate to.
type walk struct {
	root    string
	entries int
	budget  budget
}

func (w *walk) directory(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if w.entries++; w.entries > maxEntries {
			return fmt.Errorf("its directory has more than %d entries", maxEntries)
		}
		if err := w.entry(filepath.Join(path, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		// Helm says what it thinks of a file it cannot read, unless it is ignored.
		return nil
	}
	if info.IsDir() {
		return w.directory(path)
	}
	if !info.Mode().IsRegular() || !isOpened(filepath.ToSlash(path)) {
		return nil
	}
	if info.Size() > maxArchive {
		return tooLarge(info.Size())
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return w.budget.open(strings.TrimPrefix(path, w.root+string(filepath.Separator)), content, 0)
}

// withoutPath says what is wrong with a chart's directory without saying where it is.
func withoutPath(err error, root string) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		name, inside := strings.CutPrefix(failed.Path, root+string(filepath.Separator))
		if !inside {
			name = "what a link of it leads to"
		}
		return fmt.Errorf("%s cannot be read: %w", name, failed.Err)
	}
	return errors.New(strings.ReplaceAll(err.Error(), root, "the chart"))
}

// digestFiles is a digest that depends on names and contents alone.
func digestFiles(files []*archive.BufferedFile) string {
	sorted := append([]*archive.BufferedFile{}, files...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Name < sorted[j].Name })
	hash := sha256.New()
	for _, file := range sorted {
		fmt.Fprintf(hash, "%d %s %d\n", len(file.Name), file.Name, len(file.Data))
		hash.Write(file.Data)
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil))
}

func missing(name string, cause error) error {
	return &problem.Error{Code: "CHART_NOT_FOUND", Message: fmt.Sprintf("There is no chart at %.200q that can be read.", name), Field: "chart.path", Cause: cause}
}
