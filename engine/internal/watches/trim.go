package watches

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// trim drops what tells nothing about an object's state and takes the most
// room, content that is nobody's business here first.
func trim(object *unstructured.Unstructured) {
	object.SetManagedFields(nil)
	object.SetAnnotations(nil)
	for _, content := range []string{"data", "binaryData", "stringData"} {
		delete(object.Object, content)
	}
	spec, ok := object.Object["spec"].(map[string]any)
	if !ok {
		return
	}
	switch object.GetKind() {
	case "Pod":
		trimPod(spec)
	case "CustomResourceDefinition":
		delete(spec, "versions")
	default:
		delete(spec, "template")
	}
}

// trimPod keeps the names of its containers.
func trimPod(spec map[string]any) {
	containers, _ := spec["containers"].([]any)
	named := make([]any, 0, len(containers))
	for _, container := range containers {
		if one, ok := container.(map[string]any); ok {
			named = append(named, map[string]any{"name": one["name"]})
		}
	}
	clear(spec)
	spec["containers"] = named
}
