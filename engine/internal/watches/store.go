package watches

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"
)

// store is the side of a Watch that client-go's reflector writes.
type store Watch

var _ cache.TransformingStore = (*store)(nil)

// Transformer trims objects before anything keeps them.
func (s *store) Transformer() cache.TransformFunc {
	return func(object any) (any, error) {
		if full, ok := object.(*unstructured.Unstructured); ok {
			trim(full)
		}
		return object, nil
	}
}

// Add takes a new object.
func (s *store) Add(object any) error { return s.put(object) }

// Update takes an object as it is now.
func (s *store) Update(object any) error { return s.put(object) }

func (s *store) put(object any) error {
	full, ok := object.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("a watch gave a %T", object)
	}
	trim(full)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[full.GetName()] = full
	s.tell(full)
	return nil
}

// Delete takes the last state of an object that is gone.
func (s *store) Delete(object any) error {
	full, ok := object.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("a watch gave a %T", object)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, full.GetName())
	s.tell(full)
	return nil
}

// Replace takes everything there is.
func (s *store) Replace(objects []any, _ string) error {
	all := make(map[string]*unstructured.Unstructured, len(objects))
	for _, object := range objects {
		full, ok := object.(*unstructured.Unstructured)
		if !ok {
			return fmt.Errorf("a list gave a %T", object)
		}
		trim(full)
		all[full.GetName()] = full
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects, s.synced = all, true
	for one := range s.listeners {
		one.changed()
	}
	return nil
}

// Resync has nothing to do: nothing derived is kept.
func (s *store) Resync() error { return nil }

func (s *store) tell(object *unstructured.Unstructured) {
	for one := range s.listeners {
		if one.interest.concerns(object) {
			one.changed()
		}
	}
}
