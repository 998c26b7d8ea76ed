package kubeclient

import (
	"fmt"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/engine"
	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/statusreaders"
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const gatewayGroup = "gateway.networking.k8s.io"

// Kinds of Gateway API that say themselves, by the condition Programmed, when
// traffic is taken. Helm and kstatus know them not and call them ready at once.
var programmedKinds = []schema.GroupKind{
	{Group: gatewayGroup, Kind: "Gateway"},
	{Group: gatewayGroup, Kind: "ListenerSet"},
}

func programmedReaders(mapper meta.RESTMapper) []engine.StatusReader {
	readers := make([]engine.StatusReader, 0, len(programmedKinds))
	for _, kind := range programmedKinds {
		readers = append(readers, &kindReader{StatusReader: statusreaders.NewGenericStatusReader(mapper, compute), kind: kind})
	}
	return readers
}

// compute is kstatus' word on an object, and that of Gateway API's own on its kinds.
func compute(object *unstructured.Unstructured) (*status.Result, error) {
	for _, kind := range programmedKinds {
		if object.GroupVersionKind().GroupKind() == kind && object.GetDeletionTimestamp() == nil {
			return programmed(object)
		}
	}
	return status.Compute(object)
}

// programmed tells whether a controller has made what the object, as it is now, asks for.
func programmed(object *unstructured.Unstructured) (*status.Result, error) {
	conditions, _, err := unstructured.NestedSlice(object.Object, "status", "conditions")
	if err != nil {
		return nil, err
	}
	said := "no controller has said that it is programmed"
	for _, entry := range conditions {
		condition, _ := entry.(map[string]any)
		if status.GetStringField(condition, ".type", "") != "Programmed" {
			continue
		}
		generation, _, _ := unstructured.NestedInt64(condition, "observedGeneration")
		reason, message := status.GetStringField(condition, ".reason", ""), status.GetStringField(condition, ".message", "")
		said = fmt.Sprintf("Programmed: %s: %s", reason, message)
		if generation == object.GetGeneration() && status.GetStringField(condition, ".status", "") == string(v1.ConditionTrue) {
			return &status.Result{Status: status.CurrentStatus, Message: said}, nil
		}
	}
	return &status.Result{Status: status.InProgressStatus, Message: said}, nil
}
