package charts

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"google.golang.org/protobuf/types/known/timestamppb"
	"oras.land/oras-go/v2/registry"

	"helm.sh/helm/v4/pkg/repo/v1"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

// Search finds charts in a repository's index, sorted by name.
func (l *Library) Search(ctx context.Context, request *enginev1.SearchChartsRequest) ([]*enginev1.ChartEntry, int, error) {
	fits, err := rangeOf(request.GetVersion())
	if err != nil {
		return nil, 0, err
	}
	index, err := l.index(ctx, request.GetUrl(), request.GetAccess(), request.GetEgress(), request.GetRefresh())
	if err != nil {
		return nil, 0, err
	}
	words := strings.Fields(strings.ToLower(request.GetQuery()))
	var found []*enginev1.ChartEntry
	for name, versions := range index.Entries {
		newest := newestOf(versions, fits)
		if newest == nil || newest.Deprecated && !request.GetIncludeDeprecated() || !matches(name, newest, words) {
			continue
		}
		found = append(found, &enginev1.ChartEntry{
			Name: name, Description: newest.Description, Keywords: newest.Keywords, Home: newest.Home, Icon: newest.Icon,
			Newest: toVersion(newest), Versions: int32(len(versions)),
		})
	}
	slices.SortFunc(found, func(a, b *enginev1.ChartEntry) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return page(found, request.GetOffset(), request.GetLimit()), len(found), nil
}

// Versions lists the versions of a chart, the newest first.
func (l *Library) Versions(ctx context.Context, request *enginev1.ListVersionsRequest) ([]*enginev1.ChartVersion, int, error) {
	fits, err := rangeOf(request.GetVersion())
	if err != nil {
		return nil, 0, err
	}
	all, err := l.versions(ctx, request.GetChart())
	if err != nil {
		return nil, 0, err
	}
	if request.GetVersion() != "" {
		all = slices.DeleteFunc(all, func(one *enginev1.ChartVersion) bool { return !fits(one.GetVersion()) })
	}
	return page(all, request.GetOffset(), request.GetLimit()), len(all), nil
}

func (l *Library) versions(ctx context.Context, reference *enginev1.ChartReference) ([]*enginev1.ChartVersion, error) {
	access, egress := reference.GetAccess(), reference.GetEgress()
	switch source := reference.GetSource().(type) {
	case *enginev1.ChartReference_Repository:
		chart := source.Repository
		index, err := l.index(ctx, chart.GetUrl(), access, egress, chart.GetRefresh())
		if err != nil {
			return nil, err
		}
		if len(index.Entries[chart.GetName()]) == 0 {
			_, err := find(index, chart)
			return nil, err
		}
		sorted := &repo.IndexFile{Entries: map[string]repo.ChartVersions{"": slices.Clone(index.Entries[chart.GetName()])}}
		sorted.SortEntries()
		versions := make([]*enginev1.ChartVersion, 0, len(sorted.Entries[""]))
		for _, one := range sorted.Entries[""] {
			versions = append(versions, toVersion(one))
		}
		return versions, nil
	case *enginev1.ChartReference_Oci:
		return versionsInRegistry(ctx, source.Oci, access, egress)
	}
	return nil, &problem.Error{Code: "INVALID_ARGUMENT", Field: "chart", Message: "Only a chart of a repository or registry has versions."}
}

func versionsInRegistry(ctx context.Context, chart *enginev1.OciChart, access *enginev1.SourceAccess, egress *enginev1.EgressPolicy) ([]*enginev1.ChartVersion, error) {
	reference, err := registry.ParseReference(strings.TrimPrefix(chart.GetReference(), "oci://"))
	if err != nil {
		return nil, &problem.Error{Code: "INVALID_ARGUMENT", Field: "chart.url", Cause: err, Message: "The chart has no valid place in a registry."}
	}
	repository, fetcher, err := open(reference, access, egress)
	if err != nil {
		return nil, err
	}
	defer fetcher.close()
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	tags, err := versionsOf(ctx, repository)
	if err != nil {
		return nil, ofRegistry(reference, "", err)
	}
	versions := make([]*enginev1.ChartVersion, len(tags))
	for i, tag := range tags {
		versions[i] = &enginev1.ChartVersion{Version: tag}
	}
	return versions, nil
}

// index gives the index of a repository by its URL.
func (l *Library) index(ctx context.Context, place string, access *enginev1.SourceAccess, egress *enginev1.EgressPolicy, refresh bool) (*repo.IndexFile, error) {
	home, err := homeOf(place)
	if err != nil {
		return nil, err
	}
	fetcher, err := newFetcher(access, home, egress)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	index, _, err := l.indexes.get(ctx, fetcher, home, refresh)
	return index, err
}

// homeOf is the URL under which a repository's index lies.
func homeOf(place string) (*url.URL, error) {
	home, err := url.Parse(place)
	if err != nil || (home.Scheme != "http" && home.Scheme != "https") || home.Host == "" {
		return nil, &problem.Error{Code: "INVALID_ARGUMENT", Message: "The repository is not an http or https URL.", Field: "chart.repository"}
	}
	home.Path, home.RawPath, home.Fragment = withoutIndex(home.Path), withoutIndex(home.RawPath), ""
	return home, nil
}

// rangeOf makes a range; an empty one fits every stable version.
func rangeOf(text string) (func(version string) bool, error) {
	constraint, err := semver.NewConstraint(cmp.Or(text, "*"))
	if err != nil {
		return nil, &problem.Error{Code: "INVALID_ARGUMENT", Field: "version", Cause: err, Message: "The version is no range such as ^1.2 or 6.x."}
	}
	return func(version string) bool {
		parsed, err := semver.NewVersion(version)
		return err == nil && constraint.Check(parsed)
	}, nil
}

func newestOf(versions repo.ChartVersions, fits func(string) bool) *repo.ChartVersion {
	var newest *repo.ChartVersion
	var best *semver.Version
	for _, one := range versions {
		parsed, err := semver.NewVersion(one.Version)
		if err == nil && fits(one.Version) && (best == nil || parsed.GreaterThan(best)) {
			newest, best = one, parsed
		}
	}
	return newest
}

func matches(name string, version *repo.ChartVersion, words []string) bool {
	text := strings.ToLower(name + " " + version.Description + " " + strings.Join(version.Keywords, " "))
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

func toVersion(version *repo.ChartVersion) *enginev1.ChartVersion {
	made := &enginev1.ChartVersion{
		Version: version.Version, AppVersion: version.AppVersion, Deprecated: version.Deprecated, KubeVersion: version.KubeVersion,
	}
	if version.Digest != "" {
		made.Digest = "sha256:" + strings.TrimPrefix(version.Digest, "sha256:")
	}
	if !version.Created.IsZero() && version.Created.Year() > 1971 {
		made.Created = timestamppb.New(version.Created.UTC().Truncate(time.Millisecond))
	}
	return made
}

func page[T any](all []T, offset, limit int32) []T {
	from := min(max(int(offset), 0), len(all))
	return all[from:min(from+max(int(limit), 0), len(all))]
}
