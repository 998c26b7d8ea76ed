package charts

import (
	"context"
	"net/url"
	"strings"

	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

// Refreshed is what a source has to say of itself. A registry has no index, and so neither.
type Refreshed struct {
	// Charts in the index that have a version.
	Charts int
	// Digest of the index as it was fetched ("sha256:…").
	Digest string
}

// Refresh asks a repository whether its index has changed, and keeps it; of a
// registry it asks whether it lets its caller in.
func (l *Library) Refresh(ctx context.Context, request *enginev1.RefreshSourceRequest) (Refreshed, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	if strings.HasPrefix(request.GetUrl(), "oci://") {
		return Refreshed{}, ping(ctx, request)
	}
	home, err := homeOf(request.GetUrl())
	if err != nil {
		return Refreshed{}, err
	}
	fetcher, err := newFetcher(request.GetAccess(), home, request.GetEgress())
	if err != nil {
		return Refreshed{}, err
	}
	return l.indexes.refresh(ctx, fetcher, home)
}

// refresh fetches an index unless it is as it was, and says what is in it.
func (i *indexes) refresh(ctx context.Context, fetcher *fetcher, home *url.URL) (Refreshed, error) {
	entry, err := i.entry(fetcher, home)
	if err != nil {
		return Refreshed{}, err
	}
	entry.mu.Lock()
	defer entry.mu.Unlock()
	if err := entry.fetch(ctx, fetcher, home); err != nil {
		return Refreshed{}, err
	}
	made := Refreshed{Digest: entry.digest}
	for _, versions := range entry.index.Entries {
		if len(versions) > 0 {
			made.Charts++
		}
	}
	return made, nil
}

// ping asks a registry for nothing but to be let in.
func ping(ctx context.Context, request *enginev1.RefreshSourceRequest) error {
	place, err := url.Parse(request.GetUrl())
	reference := registry.Reference{}
	if err == nil {
		reference.Registry, reference.Repository = place.Host, strings.Trim(place.Path, "/")
		err = reference.ValidateRegistry()
	}
	if err != nil {
		return &problem.Error{
			Code: "INVALID_ARGUMENT", Field: "chart.repository", Cause: err,
			Message: "The source has no valid place in a registry: it is oci://registry[:port]/path.",
		}
	}
	repository, fetcher, err := open(reference, request.GetAccess(), request.GetEgress())
	if err != nil {
		return err
	}
	defer fetcher.close()
	asked := remote.Registry{RepositoryOptions: remote.RepositoryOptions{
		Reference: reference, Client: repository.Client, PlainHTTP: repository.PlainHTTP, MaxMetadataBytes: maxManifest,
	}}
	if err := asked.Ping(ctx); err != nil {
		return ofRegistry(reference, "answer at /v2/", err)
	}
	return nil
}
