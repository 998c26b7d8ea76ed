package kubeclient

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"berth.dev/engine/internal/watches"
)

var podKind = schema.GroupKind{Kind: "Pod"}

// generated are the kinds whose state decides that of a workload, or says why it is so.
var generated = map[schema.GroupKind][]schema.GroupKind{
	{Group: "apps", Kind: "Deployment"}:  {{Group: "apps", Kind: "ReplicaSet"}, podKind},
	{Group: "apps", Kind: "ReplicaSet"}:  {podKind},
	{Group: "apps", Kind: "StatefulSet"}: {podKind},
	{Group: "apps", Kind: "DaemonSet"}:   {podKind},
	{Group: "batch", Kind: "Job"}:        {podKind},
}

// interestsOf names what has to be watched for some objects: each by its name,
// and what a workload generates by its selector.
func interestsOf(waited []*target, mapper meta.RESTMapper) map[watches.Key]*watches.Interest {
	interests := map[watches.Key]*watches.Interest{}
	at := func(key watches.Key) *watches.Interest {
		if interests[key] == nil {
			interests[key] = &watches.Interest{Names: map[string]bool{}}
		}
		return interests[key]
	}
	for _, one := range waited {
		at(one.key).Names[one.info.Name] = true
		kinds := generated[one.info.Mapping.GroupVersionKind.GroupKind()]
		if len(kinds) == 0 || one.selector == nil {
			continue
		}
		for _, kind := range kinds {
			if mapping, err := mapper.RESTMapping(kind); err == nil {
				interest := at(watches.Key{Resource: mapping.Resource, Namespace: one.key.Namespace})
				interest.Selectors = append(interest.Selectors, one.selector)
			}
		}
	}
	return interests
}

// selectorOf is the selector of a workload's pods; nil where it has none.
func selectorOf(object runtime.Object) labels.Selector {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil
	}
	raw, found, err := unstructured.NestedMap(content, "spec", "selector")
	if err != nil || !found {
		return nil
	}
	var selector metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &selector); err != nil {
		return nil
	}
	made, err := metav1.LabelSelectorAsSelector(&selector)
	if err != nil || made.Empty() {
		return nil
	}
	return made
}
