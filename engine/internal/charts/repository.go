package charts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	v2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/repo/v1"
	"sigs.k8s.io/yaml"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
	"berth.dev/engine/internal/yamlbound"
)

const (
	// maxIndex bounds an index.yaml; the largest public one is about 20 MB.
	maxIndex = 32 << 20
	// fetchTimeout bounds index and archive together.
	fetchTimeout = 60 * time.Second
)

// fromRepository finds a chart in a repository's index and fetches it.
func fromRepository(ctx context.Context, reference *enginev1.RepositoryChart, egress *enginev1.EgressPolicy) (*Loaded, error) {
	home, err := url.Parse(reference.GetUrl())
	if err != nil || (home.Scheme != "http" && home.Scheme != "https") || home.Host == "" {
		return nil, &problem.Error{Code: "INVALID_ARGUMENT", Message: "The repository is not an http or https URL.", Field: "chart.repository"}
	}
	home.Path, home.RawPath, home.Fragment = withoutIndex(home.Path), withoutIndex(home.RawPath), ""
	fetcher, err := newFetcher(reference, home, egress)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	version, err := fetchVersion(ctx, fetcher, home, reference)
	if err != nil {
		return nil, err
	}
	location, err := resolve(home, version.URLs[0])
	if err != nil {
		return nil, fetchFailed(errors.New("the index names an archive at no valid URL"), err)
	}
	content, err := fetcher.get(ctx, location, maxArchive)
	if err != nil {
		return nil, err
	}
	loaded, err := fromArchive(content)
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

func fetchVersion(ctx context.Context, fetcher *fetcher, home *url.URL, reference *enginev1.RepositoryChart) (*repo.ChartVersion, error) {
	location, err := resolve(home, "index.yaml")
	if err != nil {
		return nil, fetchFailed(errors.New("the repository's URL is not valid"), err)
	}
	content, err := fetcher.get(ctx, location, maxIndex)
	if err != nil {
		return nil, err
	}
	index, err := parseIndex(content)
	if err != nil {
		return nil, fetchFailed(fmt.Errorf("%s has no index that can be read", shown(home)), err)
	}
	return find(index, reference)
}

func parseIndex(content []byte) (*repo.IndexFile, error) {
	index := &repo.IndexFile{}
	if json.Valid(content) {
		if err := json.Unmarshal(content, index); err != nil {
			return nil, err
		}
	} else {
		if err := yamlbound.Check(content, 2*maxIndex); err != nil {
			return nil, err
		}
		if err := yaml.Unmarshal(content, index); err != nil {
			return nil, err
		}
	}
	if index.Entries == nil {
		return nil, errors.New("it has no entries")
	}
	return index, nil
}

// find chooses as Helm does: the exact version, or the newest that fits. Only
// the chart's own entries are looked at.
func find(index *repo.IndexFile, reference *enginev1.RepositoryChart) (*repo.ChartVersion, error) {
	name := reference.GetName()
	own := &repo.IndexFile{Entries: map[string]repo.ChartVersions{name: usable(index.Entries[name])}}
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

// usable drops entries that nothing can be fetched or told of.
func usable(versions repo.ChartVersions) repo.ChartVersions {
	kept := make(repo.ChartVersions, 0, len(versions))
	for _, version := range versions {
		if version == nil || version.Metadata == nil || len(version.URLs) == 0 {
			continue
		}
		if version.APIVersion == "" {
			version.APIVersion = v2.APIVersionV1
		}
		kept = append(kept, version)
	}
	return kept
}

// resolve makes a URL that may be relative to the repository, whose query goes along.
func resolve(home *url.URL, reference string) (*url.URL, error) {
	text, err := repo.ResolveReferenceURL(home.String(), reference)
	if err != nil {
		return nil, err
	}
	return url.Parse(text)
}
