// Package charts fetches charts and checks every byte of them.
package charts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

const (
	// maxArchive bounds a chart's archive; Helm's record could not hold more of it.
	maxArchive = 20 << 20
	// maxFiles bounds the files of a chart.
	maxFiles = 10_000
)

// Loaded is a chart with its digest.
type Loaded struct {
	// Digest of the archive, or of the sorted files where it is a directory ("sha256:…").
	Digest string
	files  []*archive.BufferedFile
}

// Chart gives a fresh copy: Helm's actions change the chart they are given.
func (l *Loaded) Chart() (*chart.Chart, error) {
	loaded, err := loader.LoadFiles(l.files)
	if err != nil {
		return nil, invalid(err)
	}
	return loaded, nil
}

// Load fetches a chart. Errors: CHART_NOT_FOUND, CHART_INVALID,
// CHART_DIGEST_MISMATCH, CHART_FETCH_FAILED, CHART_SOURCE_REFUSED.
func Load(ctx context.Context, reference *enginev1.ChartReference, allowLocal bool) (*Loaded, error) {
	loaded, err := load(ctx, reference, allowLocal)
	if err != nil {
		return nil, err
	}
	if want := reference.GetDigest(); want != "" && want != loaded.Digest {
		return nil, &problem.Error{
			Code: "CHART_DIGEST_MISMATCH", Field: "chart.digest",
			Message: fmt.Sprintf("The chart has the digest %s, not %s.", loaded.Digest, want),
		}
	}
	return loaded, check(loaded)
}

func load(ctx context.Context, reference *enginev1.ChartReference, allowLocal bool) (*Loaded, error) {
	switch source := reference.GetSource().(type) {
	case *enginev1.ChartReference_Path:
		if !allowLocal {
			return nil, &problem.Error{Code: "CHART_SOURCE_REFUSED", Message: "Charts from Berth's own machine are not allowed.", Field: "chart.path"}
		}
		return fromPath(source.Path)
	case *enginev1.ChartReference_Repository:
		return fromRepository(ctx, source.Repository, reference.GetEgress())
	case *enginev1.ChartReference_Archive:
		return fromArchive(source.Archive)
	}
	return nil, &problem.Error{Code: "INVALID_ARGUMENT", Message: "A chart has a path, a repository or an archive.", Field: "chart"}
}

func fromPath(name string) (*Loaded, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, &problem.Error{Code: "CHART_NOT_FOUND", Message: fmt.Sprintf("There is no chart at %q.", name), Field: "chart.path", Cause: err}
	}
	if !info.IsDir() {
		if info.Size() > maxArchive {
			return nil, tooLarge(info.Size())
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, &problem.Error{Code: "CHART_NOT_FOUND", Message: fmt.Sprintf("The chart at %q cannot be read.", name), Field: "chart.path", Cause: err}
		}
		return fromArchive(content)
	}
	loaded, err := loader.LoadDir(name)
	if err != nil {
		return nil, invalid(errors.New(strings.ReplaceAll(err.Error(), name, "the chart")))
	}
	files := make([]*archive.BufferedFile, 0, len(loaded.Raw))
	for _, file := range loaded.Raw {
		files = append(files, &archive.BufferedFile{Name: file.Name, Data: file.Data})
	}
	return &Loaded{files: files, Digest: digestFiles(files)}, nil
}

func fromArchive(content []byte) (*Loaded, error) {
	if len(content) > maxArchive {
		return nil, tooLarge(int64(len(content)))
	}
	// Helm's own reader refuses paths that leave the chart, links and devices,
	// and bounds what the archive inflates to.
	files, err := archive.LoadArchiveFiles(bytes.NewReader(content))
	if err != nil {
		return nil, invalid(err)
	}
	sum := sha256.Sum256(content)
	return &Loaded{files: files, Digest: "sha256:" + hex.EncodeToString(sum[:])}, nil
}

func check(loaded *Loaded) error {
	if len(loaded.files) > maxFiles {
		return invalid(fmt.Errorf("it has %d files, at most %d are taken", len(loaded.files), maxFiles))
	}
	made, err := loaded.Chart()
	if err != nil {
		return err
	}
	if err := made.Validate(); err != nil {
		return invalid(err)
	}
	if made.Metadata.Type == "library" {
		return invalid(errors.New("it is a library chart, which other charts use and nobody installs"))
	}
	if err := action.CheckDependencies(made, requirements(made)); err != nil {
		return invalid(err)
	}
	return nil
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

func invalid(err error) error {
	message := err.Error()
	if len(message) > 1024 {
		message = strings.ToValidUTF8(message[:1024], "") + "…"
	}
	return &problem.Error{Code: "CHART_INVALID", Message: "The chart cannot be used: " + message, Field: "chart", Cause: err}
}

func tooLarge(size int64) error {
	return invalid(fmt.Errorf("its archive is %d bytes, at most %d are taken", size, maxArchive))
}
