package kubeclient

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestAGatewayIsReadyWhenItsControllerSaysSoOfWhatItIsNow(t *testing.T) {
	condition := func(value string, generation int64) []any {
		return []any{
			map[string]any{"type": "Accepted", "status": "True", "observedGeneration": int64(2)},
			map[string]any{
				"type": "Programmed", "status": value, "observedGeneration": generation,
				"reason": "Pending", "message": "Waiting for controller",
			},
		}
	}
	cases := map[string]struct {
		conditions []any
		status     string
		message    string
	}{
		"untouched":      {nil, "InProgress", "no controller has said that it is programmed"},
		"not yet":        {condition("False", 2), "InProgress", "Programmed: Pending: Waiting for controller"},
		"as it was":      {condition("True", 1), "InProgress", "Programmed: Pending: Waiting for controller"},
		"as it is now":   {condition("True", 2), "Current", "Programmed: Pending: Waiting for controller"},
		"never reported": {condition("Unknown", 0), "InProgress", "Programmed: Pending: Waiting for controller"},
	}
	for name, wanted := range cases {
		for _, kind := range []string{"Gateway", "ListenerSet"} {
			object := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind,
				"metadata": map[string]any{"name": "one", "generation": int64(2)},
				"status":   map[string]any{"conditions": wanted.conditions},
			}}
			got, err := compute(object)
			if err != nil || got.Status.String() != wanted.status || got.Message != wanted.message {
				t.Errorf("%s, %s: %v %v", name, kind, got, err)
			}
		}
	}
}
