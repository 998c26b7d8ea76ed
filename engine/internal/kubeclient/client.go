// Package kubeclient is the seam around Helm's Kubernetes client: it says what
// is being applied and waited for, and which object a failure is about.
package kubeclient

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"path"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"helm.sh/helm/v4/pkg/kube"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/cluster"
	"berth.dev/engine/internal/progress"
	"berth.dev/engine/internal/watches"
)

func init() {
	// Berth and the helm command line apply as one field manager, or each would
	// conflict with what the other applied.
	kube.ManagedFieldsManager = "helm"
}

// Client is Helm's client of one action.
type Client struct {
	*kube.Client
	wait    context.Context
	events  *progress.Reporter
	pool    *watches.Pool
	mapper  meta.RESTMapper
	dynamic dynamic.Interface
	typed   corev1.CoreV1Interface

	mu      sync.Mutex
	applied map[string]*enginev1.ObjectReference
	total   int
	done    int
	changed bool
	failure *Failure
	offline bool
	trusts  bool
	inspect func(manifest string) error
}

// Failure is the object at which an action ended, and why.
type Failure struct {
	Object *enginev1.ObjectReference
	Reason string
	// Hook tells that it was a hook that failed, not a wait.
	Hook bool
	// Unreachable tells that the object could not be read: the cluster is away.
	Unreachable bool
	Err         error
}

// New makes the client of an action. wait ends its waits.
func New(wait context.Context, getter *cluster.Getter, events *progress.Reporter) (*Client, error) {
	inner := kube.New(getter)
	inner.Namespace = getter.Namespace
	config, err := getter.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	typed, err := corev1.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Client{
		Client: inner, wait: wait, events: events, dynamic: dyn, typed: typed,
		pool: getter.Known.Watches(), mapper: getter.Known.Mapper(),
	}, nil
}

// Definitions are the cluster's CustomResourceDefinitions.
func (c *Client) Definitions() dynamic.ResourceInterface {
	return c.dynamic.Resource(schema.GroupVersionResource{
		Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
	})
}

// Failure is the object the action failed at; nil where it is none.
func (c *Client) Failure() *Failure {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}

// Changed tells whether a mutation reached the cluster.
func (c *Client) Changed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// IsReachable trusts the first real request to say it: no action asks beforehand.
func (c *Client) IsReachable() error { return nil }

// TrustServer leaves the validation of what is applied to the API server; Helm
// would fetch the OpenAPI documents for each hook, namespace and release.
func (c *Client) TrustServer() { c.trusts = true }

// Inspect has the next manifest that is built looked at first. What inspect
// refuses is not built.
func (c *Client) Inspect(inspect func(manifest string) error) { c.inspect = inspect }

// Build builds a resource list. A preview builds none, so that nothing is asked of the cluster.
func (c *Client) Build(reader io.Reader, validate bool) (kube.ResourceList, error) {
	if c.offline {
		return kube.ResourceList{}, nil
	}
	if inspect := c.inspect; inspect != nil {
		c.inspect = nil
		manifest, err := io.ReadAll(reader)
		if err != nil {
			return nil, err
		}
		if err := inspect(string(manifest)); err != nil {
			return nil, err
		}
		reader = bytes.NewReader(manifest)
	}
	return c.Client.Build(reader, validate && !c.trusts)
}

// Preview gives a client that builds and touches no object.
func (c *Client) Preview() *Client {
	return &Client{Client: c.Client, wait: c.wait, events: c.events, dynamic: c.dynamic, typed: c.typed, offline: true}
}

// Create creates the resources and says which.
func (c *Client) Create(resources kube.ResourceList, options ...kube.ClientCreateOption) (*kube.Result, error) {
	c.expect(resources)
	return c.Client.Create(resources, options...)
}

// Update makes the cluster hold target and says which.
func (c *Client) Update(original, target kube.ResourceList, options ...kube.ClientUpdateOption) (*kube.Result, error) {
	c.events.Phase(enginev1.Phase_PHASE_APPLYING)
	c.expect(target)
	return c.Client.Update(original, target, options...)
}

// expect notes which objects are about to be applied.
func (c *Client) expect(resources kube.ResourceList) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applied = map[string]*enginev1.ObjectReference{}
	c.total, c.done = len(resources), 0
	for _, info := range resources {
		c.applied[path.Join(info.Mapping.Resource.Resource, info.Name)] = reference(info)
	}
}

// Observe counts what the API server took. It sees each answered request of the apply identity.
func (c *Client) Observe(request *http.Request, response *http.Response) {
	if request.Method == http.MethodGet || request.Method == http.MethodHead || response.StatusCode >= 300 {
		return
	}
	if request.URL.Query().Has("dryRun") {
		return
	}
	c.mu.Lock()
	c.changed = true
	name := path.Base(request.URL.Path)
	object := c.applied[path.Join(path.Base(path.Dir(request.URL.Path)), name)]
	if object == nil && request.Method == http.MethodPost {
		object = c.only(name)
	}
	var event *enginev1.Applied
	if object != nil && request.Method != http.MethodDelete {
		c.done++
		event = &enginev1.Applied{Done: int32(min(c.done, c.total)), Total: int32(c.total), Object: object}
	}
	c.mu.Unlock()
	if event != nil {
		c.events.Applied(event)
	}
}

// only gives the object of a resource where just one is applied: a create without a name in its path.
func (c *Client) only(resource string) *enginev1.ObjectReference {
	var found *enginev1.ObjectReference
	for key, object := range c.applied {
		if path.Dir(key) != resource {
			continue
		}
		if found != nil {
			return nil
		}
		found = object
	}
	return found
}

func (c *Client) fail(failure *Failure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure = failure
}
