package actions

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"k8s.io/client-go/util/retry"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/kube"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

const (
	// establishTime is how long the API server may take to serve a definition.
	establishTime = time.Minute
	establishPoll = 200 * time.Millisecond
)

// upgradeCrds applies a chart's definitions, also those that exist, and waits
// until they are served.
func (s *session) upgradeCrds(made *chart.Chart, options *enginev1.ActionOptions) error {
	definitions := definitionsOf(made)
	if len(definitions) == 0 {
		return nil
	}
	s.events.Phase(enginev1.Phase_PHASE_CRDS)
	defer s.known.Forget()
	for _, definition := range definitions {
		if err := s.handOver(s.wait, definition.GetName()); err != nil {
			return err
		}
		if _, err := s.applyDefinition(s.wait, definition, options); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(s.wait, establishTime)
	defer cancel()
	for _, definition := range definitions {
		if err := s.established(ctx, definition.GetName()); err != nil {
			return err
		}
	}
	return nil
}

// handOver makes the fields of a definition that Helm has written otherwise, as
// an install creates those of its chart, fields that it has applied: else it
// would conflict with itself, and what a chart no longer has would stay.
func (s *session) handOver(ctx context.Context, name string) error {
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		live, err := s.client.Definitions().Get(ctx, name, metav1.GetOptions{})
		if isMissing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		patch, err := csaupgrade.UpgradeManagedFieldsPatch(live, sets.New(kube.ManagedFieldsManager), kube.ManagedFieldsManager)
		if err != nil || len(patch) == 0 {
			return err
		}
		_, err = s.client.Definitions().Patch(ctx, name, types.JSONPatchType, patch, metav1.PatchOptions{})
		return err
	})
}

func (s *session) applyDefinition(ctx context.Context, definition *unstructured.Unstructured, options *enginev1.ActionOptions) (*unstructured.Unstructured, error) {
	text, err := json.Marshal(definition.Object)
	if err != nil {
		return nil, err
	}
	apply := func(force bool) (*unstructured.Unstructured, error) {
		return s.client.Definitions().Patch(ctx, definition.GetName(), types.ApplyPatchType, text, metav1.PatchOptions{
			FieldManager: kube.ManagedFieldsManager, Force: &force,
		})
	}
	applied, err := apply(options.GetForceConflicts())
	// A plan has handed over nothing.
	if isOwnConflict(err) {
		return apply(true)
	}
	return applied, err
}

// established waits until a definition is served.
func (s *session) established(ctx context.Context, name string) error {
	for {
		live, err := s.client.Definitions().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
		for _, one := range conditions {
			if condition, ok := one.(map[string]any); ok && condition["type"] == "Established" && condition["status"] == "True" {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return &problem.Error{Code: "WAIT_TIMEOUT", Message: fmt.Sprintf("The definition %s is not served.", name), Cause: ctx.Err()}
		case <-time.After(establishPoll):
		}
	}
}
