package charts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"helm.sh/helm/v4/pkg/repo/v1"
)

const (
	// indexAge is how long an index is believed without asking whether it has changed.
	indexAge = 5 * time.Minute
	// maxIndexes bounds the indexes that are kept.
	maxIndexes = 32
)

// indexes keeps the indexes of repositories. Safe for concurrent use.
type indexes struct {
	mu    sync.Mutex
	kept  map[string]*keptIndex
	order []string
}

// keptIndex is one index. Its lock lets one caller fetch it while others wait.
type keptIndex struct {
	mu       sync.Mutex
	index    *repo.IndexFile
	asked    time.Time
	etag     string
	modified string
	// digest of the text it was read from ("sha256:…").
	digest string
}

func newIndexes() *indexes { return &indexes{kept: map[string]*keptIndex{}} }

// get gives the index of a repository, and whether the repository was asked for
// it just now. The index belongs to all: it is read, never changed.
func (i *indexes) get(ctx context.Context, fetcher *fetcher, home *url.URL, refresh bool) (*repo.IndexFile, bool, error) {
	entry, err := i.entry(fetcher, home)
	if err != nil {
		return nil, false, err
	}
	entry.mu.Lock()
	defer entry.mu.Unlock()
	if entry.index != nil && !refresh && time.Since(entry.asked) < indexAge {
		return entry.index, false, nil
	}
	return entry.index, true, entry.fetch(ctx, fetcher, home)
}

// entry finds the place of an index: whoever shows other credentials has another one.
func (i *indexes) entry(fetcher *fetcher, home *url.URL) (*keptIndex, error) {
	access, err := proto.MarshalOptions{Deterministic: true}.Marshal(fetcher.credentials.access)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte(home.String()+"\x00"), access...))
	key := hex.EncodeToString(sum[:])
	i.mu.Lock()
	defer i.mu.Unlock()
	if entry, ok := i.kept[key]; ok {
		return entry, nil
	}
	entry := &keptIndex{}
	i.kept[key] = entry
	i.order = append(i.order, key)
	if len(i.order) > maxIndexes {
		delete(i.kept, i.order[0])
		i.order = i.order[1:]
	}
	return entry, nil
}

// fetch fetches the index unless it is as it was.
func (k *keptIndex) fetch(ctx context.Context, fetcher *fetcher, home *url.URL) error {
	location, err := resolve(home, "index.yaml")
	if err != nil {
		return fetchFailed(errors.New("the repository's URL is not valid"), err)
	}
	headers := http.Header{}
	if k.index != nil && k.etag != "" {
		headers.Set("If-None-Match", k.etag)
	}
	if k.index != nil && k.modified != "" {
		headers.Set("If-Modified-Since", k.modified)
	}
	content, answered, err := fetcher.getIfChanged(ctx, location, maxIndex, headers)
	if err != nil {
		return err
	}
	if content != nil || k.index == nil {
		index, err := parseIndex(content)
		if err != nil {
			return fetchFailed(fmt.Errorf("%s has no index that can be read", shown(home)), err)
		}
		sum := sha256.Sum256(content)
		k.index, k.etag, k.modified = index, answered.Get("Etag"), answered.Get("Last-Modified")
		k.digest = "sha256:" + hex.EncodeToString(sum[:])
	}
	k.asked = time.Now()
	return nil
}
