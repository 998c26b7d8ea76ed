package watches

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
)

// Watch is what one watch has seen. Objects it gives belong to all: they are
// read, never changed.
type Watch struct {
	// Of the pool, under its lock.
	users  int
	ending *time.Timer
	stop   func()

	mu        sync.RWMutex
	objects   map[string]*unstructured.Unstructured
	synced    bool
	refused   bool
	listeners map[*listener]struct{}
}

type listener struct {
	interest Interest
	changed  func()
}

func newWatch(stop func()) *Watch {
	return &Watch{stop: stop, objects: map[string]*unstructured.Unstructured{}, listeners: map[*listener]struct{}{}}
}

// State tells whether the first list is there, and whether the API server
// refuses the watch: then whoever needs an object has to ask for it.
func (w *Watch) State() (synced, refused bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.synced, w.refused
}

// Get gives an object by name; nil where there is none.
func (w *Watch) Get(name string) *unstructured.Unstructured {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.objects[name]
}

// List gives the objects a selector matches.
func (w *Watch) List(selector labels.Selector) []unstructured.Unstructured {
	w.mu.RLock()
	defer w.mu.RUnlock()
	var found []unstructured.Unstructured
	for _, object := range w.objects {
		if selector.Matches(labels.Set(object.GetLabels())) {
			found = append(found, *object)
		}
	}
	return found
}

func (w *Watch) listen(interest Interest, changed func()) (silence func()) {
	one := &listener{interest: interest, changed: changed}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listeners[one] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.listeners, one)
	}
}

// run keeps the watch true until ctx ends: client-go's reflector lists, watches,
// and begins again after whatever interrupts it.
func (w *Watch) run(ctx context.Context, resource dynamic.ResourceInterface, key Key) {
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			list, err := resource.List(ctx, options)
			w.answered(err, false)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (apiwatch.Interface, error) {
			stream, err := resource.Watch(ctx, options)
			w.answered(err, true)
			return stream, err
		},
	}
	reflector := cache.NewReflectorWithOptions(source, &unstructured.Unstructured{}, (*store)(w), cache.ReflectorOptions{
		Name: key.Resource.String(), TypeDescription: key.Resource.String(),
		Backoff: &wait.Backoff{Duration: 300 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 20, Cap: 5 * time.Second},
	})
	reflector.RunWithContext(ctx)
}

// answered notes whether the API server lets us watch. A list alone makes no watch.
func (w *Watch) answered(err error, watching bool) {
	refused := apierrors.IsForbidden(err) || apierrors.IsMethodNotSupported(err) || apierrors.IsNotFound(err)
	if !refused && (err != nil || !watching) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refused == refused {
		return
	}
	w.refused = refused
	for one := range w.listeners {
		one.changed()
	}
}
