package kubeclient

import (
	"context"
	"fmt"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/engine"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"berth.dev/engine/internal/watches"
)

// view is what a wait sees of the cluster: the watches it shares, and the API
// server itself where that refuses a watch.
type view struct {
	pool    *watches.Pool
	live    dynamic.Interface
	mapper  meta.RESTMapper
	changed chan struct{}
	joined  map[watches.Key]*watches.Watch
	leaves  []func()
}

var _ engine.ClusterReader = (*view)(nil)

func newView(c *Client) *view {
	return &view{
		pool: c.pool, live: c.dynamic, mapper: c.mapper, changed: make(chan struct{}, 1),
		joined: map[watches.Key]*watches.Watch{},
	}
}

// join watches what the interests name.
func (v *view) join(interests map[watches.Key]*watches.Interest) {
	for key, interest := range interests {
		watch, leave := v.pool.Join(key, *interest, v.wake)
		v.joined[key] = watch
		v.leaves = append(v.leaves, leave)
	}
}

func (v *view) leave() {
	for _, leave := range v.leaves {
		leave()
	}
}

func (v *view) wake() {
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// refused tells whether some watch is refused, so that looking again is up to us.
func (v *view) refused() bool {
	for _, watch := range v.joined {
		if _, refused := watch.State(); refused {
			return true
		}
	}
	return false
}

// object gives an object as it is now: nil where it is not there, and known
// false while nobody can tell yet.
func (v *view) object(ctx context.Context, key watches.Key, name string) (object *unstructured.Unstructured, known bool) {
	watch := v.joined[key]
	synced, refused := watch.State()
	if refused {
		object, err := v.live.Resource(key.Resource).Namespace(key.Namespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil, true
		}
		return object, err == nil
	}
	return watch.Get(name), synced
}

// isThere asks the API server itself.
func (v *view) isThere(ctx context.Context, key watches.Key, name string) bool {
	_, err := v.live.Resource(key.Resource).Namespace(key.Namespace).Get(ctx, name, metav1.GetOptions{})
	return !apierrors.IsNotFound(err)
}

// podsOf gives the pods of a workload, or the pod itself.
func (v *view) podsOf(ctx context.Context, one *target) []*v1.Pod {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(v1.SchemeGroupVersion.WithKind(podKind.Kind))
	switch {
	case one.info.Mapping.GroupVersionKind.GroupKind() == podKind && one.seen.Resource != nil:
		list.Items = append(list.Items, *one.seen.Resource)
	case one.selector == nil || v.ListNamespaceScoped(ctx, list, one.info.Namespace, one.selector) != nil:
		return nil
	}
	pods := make([]*v1.Pod, 0, len(list.Items))
	for i := range list.Items {
		pod := &v1.Pod{}
		if runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, pod) == nil {
			pods = append(pods, pod)
		}
	}
	return pods
}

// ListNamespaceScoped gives the pods or replica sets of a workload.
func (v *view) ListNamespaceScoped(ctx context.Context, list *unstructured.UnstructuredList, namespace string, selector labels.Selector) error {
	if len(v.joined) == 0 {
		return nil
	}
	mapping, err := v.mapper.RESTMapping(list.GroupVersionKind().GroupKind())
	if err != nil {
		return err
	}
	watch, ok := v.joined[watches.Key{Resource: mapping.Resource, Namespace: namespace}]
	if !ok {
		return nil
	}
	if _, refused := watch.State(); !refused {
		list.Items = watch.List(selector)
		return nil
	}
	found, err := v.live.Resource(mapping.Resource).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if apierrors.IsForbidden(err) {
		// Whoever may not look at pods waits for what the workload itself says.
		return nil
	}
	if err != nil {
		return err
	}
	list.Items = found.Items
	return nil
}

// Get is never asked for: a wait reads its objects itself.
func (v *view) Get(_ context.Context, key client.ObjectKey, object *unstructured.Unstructured) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: object.GetKind()}, key.Name)
}

// ListClusterScoped is never asked for: nothing generated is without a namespace.
func (v *view) ListClusterScoped(_ context.Context, list *unstructured.UnstructuredList, _ labels.Selector) error {
	return fmt.Errorf("%s is not watched without a namespace", list.GetKind())
}

// Sync has nothing to do: watches are as true as they get.
func (v *view) Sync(context.Context) error { return nil }
