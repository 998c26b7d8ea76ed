package actions

import (
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// kept is what the API server keeps for itself of an object's metadata.
var kept = []string{"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"}

// shownPair gives an object as it is and as it would be, as YAML. Of one that
// would be made, what the API server chooses anew each time is left out.
func shownPair(before, after *unstructured.Unstructured, made bool, rendered string) (live, planned string) {
	before, after = before.DeepCopy(), after.DeepCopy()
	redact(before, after)
	if made {
		dropChosen(after, rendered)
	}
	return shownObject(before), shownObject(after)
}

// shownText shows a rendered document that nobody could be asked about.
func shownText(text string) string {
	object := &unstructured.Unstructured{}
	if yaml.Unmarshal([]byte(text), &object.Object) != nil {
		return ""
	}
	redact(nil, object)
	return shownObject(object)
}

func shownObject(object *unstructured.Unstructured) string {
	if object == nil {
		return ""
	}
	delete(object.Object, "status")
	for _, field := range kept {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
	text, err := yaml.Marshal(object.Object)
	if err != nil {
		return ""
	}
	return string(text)
}

// dropChosen leaves out the addresses and ports that a Service has been given
// for the dry run: it will get others.
func dropChosen(object *unstructured.Unstructured, rendered string) {
	if object.GetKind() != "Service" || object.GetAPIVersion() != "v1" {
		return
	}
	var own struct {
		Spec map[string]any `json:"spec"`
	}
	_ = yaml.Unmarshal([]byte(rendered), &own)
	for _, field := range []string{"clusterIP", "clusterIPs", "healthCheckNodePort"} {
		if own.Spec[field] == nil {
			unstructured.RemoveNestedField(object.Object, "spec", field)
		}
	}
	given, _ := own.Spec["ports"].([]any)
	ports, _, _ := unstructured.NestedSlice(object.Object, "spec", "ports")
	for i, port := range ports {
		one, _ := port.(map[string]any)
		if i < len(given) {
			if asked, _ := given[i].(map[string]any); asked["nodePort"] != nil {
				continue
			}
		}
		delete(one, "nodePort")
	}
	if len(ports) > 0 {
		_ = unstructured.SetNestedSlice(object.Object, ports, "spec", "ports")
	}
}

// redact hides the data of Secrets, but not whether it changes.
func redact(before, after *unstructured.Unstructured) {
	for _, field := range []string{"data", "stringData"} {
		old, fresh := dataOf(before, field), dataOf(after, field)
		for key, value := range fresh {
			fresh[key] = "(redacted)"
			if was, there := old[key]; there && !reflect.DeepEqual(was, value) {
				old[key], fresh[key] = "(redacted, as it is)", "(redacted, changed)"
			}
		}
		for key, value := range old {
			if text, ok := value.(string); !ok || text != "(redacted, as it is)" {
				old[key] = "(redacted)"
			}
		}
	}
	for _, object := range []*unstructured.Unstructured{before, after} {
		if isSecret(object) {
			unstructured.RemoveNestedField(object.Object, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
		}
	}
}

func isSecret(object *unstructured.Unstructured) bool {
	return object != nil && object.GetKind() == "Secret" && object.GetAPIVersion() == "v1"
}

func dataOf(object *unstructured.Unstructured, field string) map[string]any {
	if !isSecret(object) {
		return nil
	}
	data, _ := object.Object[field].(map[string]any)
	return data
}
