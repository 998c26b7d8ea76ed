package cluster

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Getter gives Helm its clients: genericclioptions.RESTClientGetter over what
// is known, so that no action asks the API server for discovery again.
type Getter struct {
	Known     *Known
	Config    *rest.Config
	Namespace string
}

// ToRESTConfig gives the call's own configuration.
func (g *Getter) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(g.Config), nil }

// ToDiscoveryClient gives the shared discovery cache. Helm invalidates it after
// it has installed CRDs, and then only.
func (g *Getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return g.Known.discovery, nil
}

// ToRESTMapper gives the shared mapper.
func (g *Getter) ToRESTMapper() (meta.RESTMapper, error) { return g.Known.mapper, nil }

// ToRawKubeConfigLoader gives a configuration that knows the namespace; nothing
// is read from the machine.
func (g *Getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	overrides := &clientcmd.ConfigOverrides{Context: clientcmdapi.Context{Namespace: g.Namespace}}
	return clientcmd.NewDefaultClientConfig(*clientcmdapi.NewConfig(), overrides)
}
