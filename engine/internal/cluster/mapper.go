package cluster

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/restmapper"
)

// lookEvery bounds how often discovery is asked for a kind that is not known.
const lookEvery = 250 * time.Millisecond

// mapper maps kinds to resources from memory, and looks again before it says
// that a kind is not served: others install CRDs, and charts with objects of them.
type mapper struct {
	*restmapper.DeferredDiscoveryRESTMapper
	again func() bool
}

// RESTMapping implements meta.RESTMapper.
func (m *mapper) RESTMapping(kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	return m.RESTMappingWithContext(context.Background(), kind, versions...)
}

// RESTMappingWithContext implements meta.RESTMapperWithContext.
func (m *mapper) RESTMappingWithContext(ctx context.Context, kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	found, err := m.DeferredDiscoveryRESTMapper.RESTMappingWithContext(ctx, kind, versions...)
	if meta.IsNoMatchError(err) && m.again() {
		return m.DeferredDiscoveryRESTMapper.RESTMappingWithContext(ctx, kind, versions...)
	}
	return found, err
}

// lookAgain forgets what is known because a kind is missing, unless that was done a moment ago.
func (k *Known) lookAgain() bool {
	k.mu.Lock()
	since := time.Since(k.looked)
	if since >= lookEvery {
		k.looked = time.Now()
	}
	k.mu.Unlock()
	if since < lookEvery {
		return false
	}
	k.Forget()
	return true
}
