// Package charts fetches charts and checks every byte of them.
package charts

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	v2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

// maxMessage bounds what is shown of Helm's words about a chart, in bytes.
const maxMessage = 1024

// Loaded is a chart with its digest.
type Loaded struct {
	// Digest of the archive, or of the sorted files where it is a directory ("sha256:…").
	Digest string
	// SignedBy names the key that has signed it; empty where nobody asked.
	SignedBy string
	files    []*archive.BufferedFile
	// Until they are verified.
	archive, provenance []byte
}

// Chart gives a fresh copy: Helm's actions change the chart they are given.
func (l *Loaded) Chart() (*v2.Chart, error) {
	made, err := loader.LoadFiles(l.files)
	if err != nil {
		return nil, invalid(err)
	}
	return made, nil
}

// Library fetches charts. Safe for concurrent use.
type Library struct {
	allowLocal bool
	indexes    *indexes
}

// NewLibrary makes a library. allowLocal lets charts come from files of this machine.
func NewLibrary(allowLocal bool) *Library {
	return &Library{allowLocal: allowLocal, indexes: newIndexes()}
}

// Load fetches a chart. Errors: CHART_NOT_FOUND, CHART_INVALID,
// CHART_DIGEST_MISMATCH, CHART_FETCH_FAILED, CHART_SOURCE_REFUSED and, for a
// reference that makes no sense, INVALID_ARGUMENT.
func (l *Library) Load(ctx context.Context, reference *enginev1.ChartReference) (*Loaded, error) {
	loaded, err := l.load(ctx, reference)
	if err != nil {
		return nil, err
	}
	if want := reference.GetDigest(); want != "" && want != loaded.Digest {
		return nil, &problem.Error{
			Code: "CHART_DIGEST_MISMATCH", Field: "chart.digest",
			Message: fmt.Sprintf("The chart has the digest %s, not %.100s.", loaded.Digest, want),
		}
	}
	if err := check(loaded); err != nil {
		return nil, err
	}
	if err := verify(loaded, trust{keyring: reference.GetKeyring(), cosign: reference.GetCosignKeys()}); err != nil {
		return nil, err
	}
	loaded.archive, loaded.provenance = nil, nil
	return loaded, nil
}

func (l *Library) load(ctx context.Context, reference *enginev1.ChartReference) (*Loaded, error) {
	access, egress := reference.GetAccess(), reference.GetEgress()
	trust := trust{keyring: reference.GetKeyring(), cosign: reference.GetCosignKeys()}
	switch source := reference.GetSource().(type) {
	case *enginev1.ChartReference_Path:
		if !l.allowLocal {
			return nil, &problem.Error{Code: "CHART_SOURCE_REFUSED", Message: "Charts from Berth's own machine are not allowed.", Field: "chart.path"}
		}
		return fromPath(source.Path)
	case *enginev1.ChartReference_Repository:
		return l.fromRepository(ctx, source.Repository, access, egress, len(trust.keyring) > 0)
	case *enginev1.ChartReference_Oci:
		return fromRegistry(ctx, source.Oci, access, egress, trust)
	case *enginev1.ChartReference_Url:
		return fromURL(ctx, source.Url, access, egress, len(trust.keyring) > 0)
	case *enginev1.ChartReference_Archive:
		loaded, err := fromArchive(source.Archive)
		if err == nil {
			loaded.provenance = reference.GetProvenance()
		}
		return loaded, err
	}
	return nil, &problem.Error{Code: "INVALID_ARGUMENT", Message: "A chart has a path, a repository, a registry, a URL or an archive.", Field: "chart"}
}

func check(loaded *Loaded) error {
	made, err := loaded.Chart()
	if err != nil {
		return err
	}
	if made.Metadata.Type == "library" {
		return invalid(errors.New("it is a library chart, which other charts use and nobody installs"))
	}
	if err := action.CheckDependencies(made, requirements(made)); err != nil {
		return invalid(err)
	}
	return nil
}

func requirements(made *v2.Chart) []chart.Dependency {
	dependencies := make([]chart.Dependency, 0, len(made.Metadata.Dependencies))
	for _, dependency := range made.Metadata.Dependencies {
		dependencies = append(dependencies, dependency)
	}
	return dependencies
}

func invalid(err error) error {
	if _, ours := problem.As(err); ours {
		return err
	}
	message := err.Error()
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return &problem.Error{Code: "CHART_INVALID", Message: "The chart cannot be used: " + message, Field: "chart", Cause: err}
}

func tooLarge(size int64) error {
	return invalid(fmt.Errorf("its archive has %d bytes or more, at most %d are taken", size, maxArchive))
}
