package charts

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/repo/v1"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

const (
	// maxIndex bounds an index.yaml; the largest public one is about 20 MB.
	maxIndex = 32 << 20
	// fetchTimeout bounds index and archive together.
	fetchTimeout = 60 * time.Second
)

// fromRepository finds a chart in a repository's index and fetches it.
func (l *Library) fromRepository(ctx context.Context, reference *enginev1.RepositoryChart, access *enginev1.SourceAccess, egress *enginev1.EgressPolicy, signed bool) (*Loaded, error) {
	home, err := homeOf(reference.GetUrl())
	if err != nil {
		return nil, err
	}
	fetcher, err := newFetcher(access, home, egress)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	version, err := l.findVersion(ctx, fetcher, home, reference)
	if err != nil {
		return nil, err
	}
	location, err := resolve(home, version.URLs[0])
	if err != nil {
		return nil, fetchFailed(errors.New("the index names an archive at no valid URL"), err)
	}
	loaded, err := fetcher.archive(ctx, location, signed)
	if err != nil {
		return nil, err
	}
	if want := strings.TrimPrefix(version.Digest, "sha256:"); want != "" && "sha256:"+want != loaded.Digest {
		return nil, &problem.Error{
			Code: "CHART_DIGEST_MISMATCH", Field: "chart",
			Message: fmt.Sprintf("The archive has the digest %s; the repository's index says sha256:%.100s.", loaded.Digest, want),
		}
	}
	return loaded, nil
}

func withoutIndex(path string) string {
	return strings.TrimRight(strings.TrimSuffix(path, "/index.yaml"), "/")
}

// findVersion finds a version in the repository's index. One that a kept index
// does not have may have been published since: the repository is asked again.
func (l *Library) findVersion(ctx context.Context, fetcher *fetcher, home *url.URL, reference *enginev1.RepositoryChart) (*repo.ChartVersion, error) {
	index, isFresh, err := l.indexes.get(ctx, fetcher, home, reference.GetRefresh())
	if err != nil {
		return nil, err
	}
	version, err := find(index, reference)
	if err == nil || isFresh {
		return version, err
	}
	if index, _, err = l.indexes.get(ctx, fetcher, home, true); err != nil {
		return nil, err
	}
	return find(index, reference)
}

// fromURL fetches an archive.
func fromURL(ctx context.Context, text string, access *enginev1.SourceAccess, egress *enginev1.EgressPolicy, signed bool) (*Loaded, error) {
	location, err := url.Parse(text)
	if err != nil || (location.Scheme != "http" && location.Scheme != "https") || location.Host == "" {
		return nil, &problem.Error{Code: "INVALID_ARGUMENT", Message: "The chart's URL is not an http or https URL.", Field: "chart.url"}
	}
	fetcher, err := newFetcher(access, location, egress)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	return fetcher.archive(ctx, location, signed)
}

// archive fetches an archive, and where it has to be signed its provenance file beside it.
func (f *fetcher) archive(ctx context.Context, location *url.URL, signed bool) (*Loaded, error) {
	content, err := f.get(ctx, location, maxArchive)
	if err != nil {
		return nil, err
	}
	loaded, err := fromArchive(content)
	if err != nil || !signed {
		return loaded, err
	}
	beside := *location
	beside.Path, beside.RawPath = location.Path+provenanceSuffix, ""
	// One that is not there is no worse than one that nobody has signed.
	loaded.provenance, _ = f.get(ctx, &beside, maxProvenance)
	return loaded, nil
}

// find chooses as Helm does: the exact version, or the newest that fits. Only
// the chart's own entries are looked at.
func find(index *repo.IndexFile, reference *enginev1.RepositoryChart) (*repo.ChartVersion, error) {
	name := reference.GetName()
	own := &repo.IndexFile{Entries: map[string]repo.ChartVersions{name: slices.Clone(index.Entries[name])}}
	if len(index.Entries[name]) == 0 {
		return nil, &problem.Error{
			Code: "CHART_NOT_FOUND", Field: "chart.name",
			Message: fmt.Sprintf("The repository has no chart %.200q.", name),
		}
	}
	own.SortEntries()
	version, err := own.Get(name, reference.GetVersion())
	if err == nil {
		return version, nil
	}
	message := fmt.Sprintf("The repository has no version %.200q of chart %.200q.", reference.GetVersion(), name)
	if reference.GetVersion() == "" {
		message = fmt.Sprintf("The repository has no stable version of chart %.200q.", name)
	}
	return nil, &problem.Error{Code: "CHART_NOT_FOUND", Field: "chart.version", Cause: err, Message: message}
}

// resolve makes a URL that may be relative to the repository, whose query goes along.
func resolve(home *url.URL, reference string) (*url.URL, error) {
	text, err := repo.ResolveReferenceURL(home.String(), reference)
	if err != nil {
		return nil, err
	}
	return url.Parse(text)
}
