package charts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	helmregistry "helm.sh/helm/v4/pkg/registry"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

const (
	// maxManifest bounds a manifest, in bytes: the limit of registries themselves.
	maxManifest = 4 << 20
	// maxTags bounds the tags of a repository, those of signatures too.
	maxTags = 50_000
	// tagsPerPage is how many tags are asked for at once; a registry may give
	// fewer, and one that was not asked may give all in a page of any size.
	tagsPerPage = 1000
	// maxTagPages bounds the pages, of which some registries have small ones.
	maxTagPages = 1000
)

// fromRegistry fetches a chart from an OCI registry.
func fromRegistry(ctx context.Context, chart *enginev1.OciChart, access *enginev1.SourceAccess, egress *enginev1.EgressPolicy, trust trust) (*Loaded, error) {
	reference, err := registry.ParseReference(strings.TrimPrefix(chart.GetReference(), "oci://"))
	if err != nil {
		return nil, &problem.Error{
			Code: "INVALID_ARGUMENT", Field: "chart.repository", Cause: err,
			Message: "The chart has no valid place in a registry: it is registry[:port]/repository.",
		}
	}
	repository, fetcher, err := open(reference, access, egress)
	if err != nil {
		return nil, err
	}
	defer fetcher.close()
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	tag, err := findTag(ctx, repository, reference, chart.GetVersion())
	if err != nil {
		return nil, err
	}
	layers, err := findLayers(ctx, repository, tag)
	if err != nil {
		return nil, ofRegistry(reference, tag, err)
	}
	layer := layers.archive
	if layer.Size > maxArchive {
		return nil, tooLarge(layer.Size)
	}
	archive, err := content.FetchAll(ctx, repository, layer)
	if err != nil {
		return nil, ofRegistry(reference, tag, err)
	}
	loaded, err := fromArchive(archive)
	if err != nil {
		return nil, err
	}
	if len(trust.cosign) > 0 {
		switch loaded.SignedBy, err = cosigned(ctx, repository, layers.manifest, trust.cosign); {
		case err == nil:
			return loaded, nil
		case !errors.Is(err, errNoCosign):
			return nil, ofRegistry(reference, tag, err)
		}
	}
	if len(trust.keyring) == 0 || layers.provenance.Size == 0 || layers.provenance.Size > maxProvenance {
		return loaded, nil
	}
	if loaded.provenance, err = content.FetchAll(ctx, repository, layers.provenance); err != nil {
		return nil, ofRegistry(reference, tag, err)
	}
	return loaded, nil
}

// open makes the client of a repository, which shows its credentials to the
// registry and to whom the registry names for tokens, as the protocol has it.
func open(reference registry.Reference, access *enginev1.SourceAccess, egress *enginev1.EgressPolicy) (*remote.Repository, *fetcher, error) {
	scheme := "https"
	if access.GetPlainHttp() {
		scheme = "http"
	}
	fetcher, err := newFetcher(access, &url.URL{Scheme: scheme, Host: reference.Host()}, egress)
	if err != nil {
		return nil, nil, err
	}
	shown := auth.Credential{
		Username: access.GetUsername(), Password: access.GetPassword(), AccessToken: access.GetBearerToken(),
	}
	repository := &remote.Repository{
		Reference: reference, PlainHTTP: access.GetPlainHttp(), MaxMetadataBytes: maxManifest, SkipReferrersGC: true,
		ReferrerListMaxPages: maxSignatures, TagListPageSize: tagsPerPage, TagListMaxPages: maxTagPages,
		Client: &auth.Client{
			Client: fetcher.registryClient(), Header: http.Header{"User-Agent": {userAgent}}, Cache: auth.NewCache(),
			Credential: auth.StaticCredential(reference.Host(), shown),
		},
	}
	return repository, fetcher, nil
}

// registryClient is a client whose Authorization the registry's protocol sets.
func (f *fetcher) registryClient() *http.Client {
	f.routes.known.DisableKeepAlives, f.routes.stranger.DisableKeepAlives = false, false
	follow := func(request *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errors.New("it redirects too often")
		}
		if origin(request.URL) != origin(via[0].URL) {
			request.Header.Del("Authorization")
		}
		request.Header.Del("Referer")
		return nil
	}
	return &http.Client{Transport: &registryRoutes{f}, CheckRedirect: follow}
}

// close ends the connections that were kept.
func (f *fetcher) close() {
	f.routes.known.CloseIdleConnections()
	f.routes.stranger.CloseIdleConnections()
}

// registryRoutes looks at each host a registry leads to.
type registryRoutes struct{ *fetcher }

// RoundTrip refuses what the policy does, and credentials in clear text that
// the registry itself is only shown over TLS.
func (r *registryRoutes) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := r.policy.checkHost(request.URL.Hostname()); err != nil {
		return nil, err
	}
	isClear := request.URL.Scheme == "http" && !r.credentials.access.GetPlainHttp()
	if isClear && request.Header.Get("Authorization") != "" {
		return nil, errors.New("the registry asks for its credentials over plain HTTP")
	}
	return r.routes.RoundTrip(request)
}

// findTag chooses the tag or digest of a version.
func findTag(ctx context.Context, repository *remote.Repository, reference registry.Reference, version string) (string, error) {
	if version == "" && reference.Reference != "" {
		return reference.Reference, nil
	}
	if _, err := semver.StrictNewVersion(version); err == nil {
		return strings.ReplaceAll(version, "+", "_"), nil
	}
	tags, err := versionsOf(ctx, repository)
	if err != nil {
		return "", ofRegistry(reference, "", err)
	}
	tag, err := helmregistry.GetTagMatchingVersionOrConstraint(tags, version)
	if err != nil {
		return "", &problem.Error{
			Code: "CHART_NOT_FOUND", Field: "chart.version", Cause: err,
			Message: fmt.Sprintf("The registry has no version %.200q of %s.", version, place(reference)),
		}
	}
	return strings.ReplaceAll(tag, "+", "_"), nil
}

// versionsOf lists the tags that are versions, the newest first.
func versionsOf(ctx context.Context, repository *remote.Repository) ([]string, error) {
	var versions []*semver.Version
	count := 0
	err := repository.Tags(ctx, "", func(tags []string) error {
		if count += len(tags); count > maxTags {
			return fmt.Errorf("it has more than %d tags", maxTags)
		}
		for _, tag := range tags {
			// A tag has no "+", so Helm writes "_".
			if version, err := semver.StrictNewVersion(strings.ReplaceAll(tag, "_", "+")); err == nil {
				versions = append(versions, version)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(versions, func(a, b *semver.Version) int { return b.Compare(a) })
	texts := make([]string, len(versions))
	for i, version := range versions {
		texts[i] = version.Original()
	}
	return texts, nil
}

// chartLayers are the layers of a chart; one without a provenance file has none.
type chartLayers struct{ manifest, archive, provenance ocispec.Descriptor }

// findLayers finds the layers of a chart.
func findLayers(ctx context.Context, repository *remote.Repository, tag string) (chartLayers, error) {
	none := chartLayers{}
	head, err := repository.Resolve(ctx, tag)
	if err != nil {
		return none, err
	}
	if head.Size > maxManifest {
		return none, errors.New("its manifest is too large")
	}
	text, err := content.FetchAll(ctx, repository, head)
	if err != nil {
		return none, err
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(text, &manifest); err != nil {
		return none, err
	}
	if manifest.Config.MediaType != helmregistry.ConfigMediaType {
		return none, fmt.Errorf("it is no Helm chart but %.100q", manifest.Config.MediaType)
	}
	found := chartLayers{manifest: head}
	for _, layer := range manifest.Layers {
		switch layer.MediaType {
		case helmregistry.ChartLayerMediaType, helmregistry.LegacyChartLayerMediaType:
			found.archive = layer
		case helmregistry.ProvLayerMediaType:
			found.provenance = layer
		}
	}
	if found.archive.Size == 0 {
		return none, errors.New("its manifest has no chart")
	}
	return found, nil
}

// ofRegistry makes a problem of what a registry answers.
func ofRegistry(reference registry.Reference, tag string, err error) error {
	if ours, ok := problem.As(err); ok {
		return ours
	}
	if errors.Is(err, errdef.ErrNotFound) {
		return &problem.Error{
			Code: "CHART_NOT_FOUND", Field: "chart.version", Cause: err,
			Message: fmt.Sprintf("The registry has no %.200q of %s.", tag, place(reference)),
		}
	}
	var answer *errcode.ErrorResponse
	if errors.As(err, &answer) {
		return fetchFailed(fmt.Errorf("%s answers %d %s", reference.Host(), answer.StatusCode, http.StatusText(answer.StatusCode)), err)
	}
	return fetchFailed(fmt.Errorf("%s: %s", place(reference), reason(err)), err)
}

func place(reference registry.Reference) string {
	return reference.Registry + "/" + reference.Repository
}
