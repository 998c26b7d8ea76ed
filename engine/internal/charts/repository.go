package charts

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	chart "helm.sh/helm/v4/pkg/chart"
	v2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/repo/v1"
	"sigs.k8s.io/yaml"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

// maxIndex bounds an index.yaml; the largest public one is about 20 MB.
const maxIndex = 32 << 20

// fromRepository finds a chart in a repository's index and fetches it.
func fromRepository(ctx context.Context, reference *enginev1.RepositoryChart, egress *enginev1.EgressPolicy) (*Loaded, error) {
	fetcher, err := newFetcher(reference, egress)
	if err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(strings.TrimSuffix(reference.GetUrl(), "/index.yaml"), "/")
	content, err := fetcher.get(ctx, base+"/index.yaml", maxIndex)
	if err != nil {
		return nil, err
	}
	index := &repo.IndexFile{}
	if err := yaml.Unmarshal(content, index); err != nil || index.Entries == nil {
		return nil, fetchFailed(fmt.Errorf("%s has no index that can be read", base), err)
	}
	version, err := find(index, reference)
	if err != nil {
		return nil, err
	}
	location, err := resolve(base, version.URLs)
	if err != nil {
		return nil, err
	}
	archive, err := fetcher.get(ctx, location, maxArchive)
	if err != nil {
		return nil, err
	}
	loaded, err := fromArchive(archive)
	if err != nil {
		return nil, err
	}
	if want := strings.TrimPrefix(version.Digest, "sha256:"); want != "" && "sha256:"+want != loaded.Digest {
		return nil, &problem.Error{
			Code: "CHART_DIGEST_MISMATCH", Field: "chart",
			Message: fmt.Sprintf("The archive has the digest %s; the repository's index says sha256:%s.", loaded.Digest, want),
		}
	}
	return loaded, nil
}

func find(index *repo.IndexFile, reference *enginev1.RepositoryChart) (*repo.ChartVersion, error) {
	for name, versions := range index.Entries {
		kept := versions[:0]
		for _, version := range versions {
			if version != nil && version.Metadata != nil {
				kept = append(kept, version)
			}
		}
		index.Entries[name] = kept
	}
	if len(index.Entries[reference.GetName()]) == 0 {
		return nil, &problem.Error{
			Code: "CHART_NOT_FOUND", Field: "chart.name",
			Message: fmt.Sprintf("The repository has no chart %q.", reference.GetName()),
		}
	}
	index.SortEntries()
	version, err := index.Get(reference.GetName(), reference.GetVersion())
	if err != nil || len(version.URLs) == 0 {
		return nil, &problem.Error{
			Code: "CHART_NOT_FOUND", Field: "chart.version", Cause: err,
			Message: fmt.Sprintf("The repository has no version %q of chart %q.", reference.GetVersion(), reference.GetName()),
		}
	}
	return version, nil
}

// resolve makes an archive's URL, which may be relative to the index.
func resolve(base string, urls []string) (string, error) {
	parsed, err := url.Parse(base + "/")
	if err != nil {
		return "", fetchFailed(fmt.Errorf("the repository's URL is not valid"), err)
	}
	location, err := parsed.Parse(urls[0])
	if err != nil {
		return "", fetchFailed(fmt.Errorf("the index names an archive at no valid URL"), err)
	}
	return location.String(), nil
}

func requirements(made *v2.Chart) []chart.Dependency {
	dependencies := make([]chart.Dependency, 0, len(made.Metadata.Dependencies))
	for _, dependency := range made.Metadata.Dependencies {
		dependencies = append(dependencies, dependency)
	}
	return dependencies
}
