// Package cluster keeps what is expensive to learn of an API server (discovery,
// REST mapping, TLS connections) and makes, for each call, the clients that
// carry that call's own identity and guard.
package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/watches"
)

const (
	// maxKnown bounds how many clusters and identities are kept warm.
	maxKnown = 64
	// capabilitiesAge is how long capabilities are believed; CRDs installed by
	// others show after it at the latest.
	capabilitiesAge = 30 * time.Second
)

// Cache keeps clusters warm. Safe for concurrent use.
type Cache struct {
	mu    sync.Mutex
	known map[string]*Known
	order []string
}

// NewCache makes an empty cache.
func NewCache() *Cache { return &Cache{known: map[string]*Known{}} }

// Known is what is known of one API server as one identity sees it.
type Known struct {
	discovery discovery.CachedDiscoveryInterface
	mapper    *mapper
	watches   *watches.Pool

	mu           sync.Mutex
	capabilities *common.Capabilities
	learned      time.Time
	// looked is when discovery was last asked for a kind that was not known.
	looked time.Time
}

// Get gives what is known of a cluster, learning nothing yet.
func (c *Cache) Get(cluster *enginev1.Cluster, identity *enginev1.Identity) (*Known, error) {
	key, err := fingerprint(cluster, identity)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.known[key]; ok {
		return known, nil
	}
	config, err := Config(cluster, identity, nil)
	if err != nil {
		return nil, err
	}
	config.Timeout = 30 * time.Second
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	// A watch has no time limit of its own.
	config.Timeout = 0
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	cached := memory.NewMemCacheClient(client)
	known := &Known{discovery: cached, watches: watches.NewPool(dyn)}
	known.mapper = &mapper{restmapper.NewDeferredDiscoveryRESTMapper(cached), known.lookAgain}
	c.known[key] = known
	c.order = append(c.order, key)
	if len(c.order) > maxKnown {
		delete(c.known, c.order[0])
		c.order = c.order[1:]
	}
	return known, nil
}

// Capabilities gives what templates see of the cluster, at most 30 s old. One
// caller learns it while the others wait.
func (k *Known) Capabilities() (*common.Capabilities, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.capabilities != nil && time.Since(k.learned) < capabilitiesAge {
		return k.capabilities.Copy(), nil
	}
	if k.capabilities != nil {
		k.mapper.Reset() // Also invalidates the discovery cache.
	}
	version, err := k.discovery.ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("could not get server version from Kubernetes: %w", err)
	}
	apis, err := action.GetVersionSet(k.discovery)
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return nil, fmt.Errorf("could not get apiVersions from Kubernetes: %w", err)
	}
	k.capabilities = &common.Capabilities{
		APIVersions: apis,
		KubeVersion: common.KubeVersion{Version: version.GitVersion, Major: version.Major, Minor: version.Minor},
		HelmVersion: common.DefaultCapabilities.HelmVersion,
	}
	k.learned = time.Now()
	return k.capabilities.Copy(), nil
}

// Mapper maps kinds to resources from memory; a kind that is not known makes it look again.
func (k *Known) Mapper() meta.RESTMapper { return k.mapper }

// Watches are what waits share.
func (k *Known) Watches() *watches.Pool { return k.watches }

// Forget drops what is known, because CRDs were installed.
func (k *Known) Forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.capabilities = nil
	k.mapper.Reset()
}

// Config makes a client configuration of a cluster and identity. The transport
// below is shared by all with the same TLS settings; wrap goes around it.
func Config(cluster *enginev1.Cluster, identity *enginev1.Identity, wrap func(http.RoundTripper) http.RoundTripper) (*rest.Config, error) {
	config := &rest.Config{
		Host: cluster.GetServer(),
		TLSClientConfig: rest.TLSClientConfig{
			Insecure:   cluster.GetInsecureSkipTlsVerify(),
			ServerName: cluster.GetTlsServerName(),
			CAData:     cluster.GetCertificateAuthority(),
			CertData:   identity.GetClientCertificate(),
			KeyData:    identity.GetClientKey(),
			// An API server allows 100 streams on an HTTP/2 connection, and each
			// waiting release holds some: HTTP/1.1 has a connection for each.
			NextProtos: []string{"http/1.1"},
		},
		BearerToken: identity.GetToken(),
		// Read again each minute, by requests of calls that run as well.
		BearerTokenFile: identity.GetTokenFile(),
		Impersonate: rest.ImpersonationConfig{
			UserName: identity.GetImpersonateUser(),
			Groups:   identity.GetImpersonateGroups(),
		},
		QPS:           -1,
		UserAgent:     "berth-engine",
		WrapTransport: wrap,
	}
	if config.Insecure {
		config.CAData = nil
	}
	if cluster.GetProxyUrl() != "" {
		proxy, err := url.Parse(cluster.GetProxyUrl())
		if err != nil {
			return nil, fmt.Errorf("the cluster's proxy URL is not valid: %w", err)
		}
		config.Proxy = http.ProxyURL(proxy)
	}
	return config, nil
}

func fingerprint(messages ...proto.Message) (string, error) {
	hash := sha256.New()
	for _, message := range messages {
		bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
		if err != nil {
			return "", err
		}
		hash.Write(bytes)
		hash.Write([]byte{0})
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
