package watches

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// Interest is which objects of a watch somebody waits for: those of a name and
// those a selector matches.
type Interest struct {
	Names     map[string]bool
	Selectors []labels.Selector
}

func (i Interest) concerns(object *unstructured.Unstructured) bool {
	if i.Names[object.GetName()] {
		return true
	}
	if len(i.Selectors) == 0 {
		return false
	}
	set := labels.Set(object.GetLabels())
	for _, selector := range i.Selectors {
		if selector.Matches(set) {
			return true
		}
	}
	return false
}
