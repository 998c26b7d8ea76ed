package actions

import (
	"context"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"

	"berth.dev/engine/gen/enginev1"
)

// definitionsOf are the definitions of a chart's crds folders.
func definitionsOf(made *chart.Chart) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, crd := range made.CRDObjects() {
		for _, document := range releaseutil.SplitManifests(string(crd.File.Data)) {
			object := &unstructured.Unstructured{}
			if yaml.Unmarshal([]byte(document), &object.Object) == nil && object.GetKind() == "CustomResourceDefinition" {
				found = append(found, object)
			}
		}
	}
	return found
}

// own are the kinds that a chart brings itself.
func own(made *chart.Chart) map[schema.GroupKind]bool {
	kinds := map[schema.GroupKind]bool{}
	for _, definition := range definitionsOf(made) {
		group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "kind")
		kinds[schema.GroupKind{Group: group, Kind: kind}] = true
	}
	return kinds
}

// crds tells what becomes of a chart's definitions: Helm's install makes those
// that are missing, its upgrade none, and neither changes one.
func (p *plan) crds(ctx context.Context, made *chart.Chart) ([]*enginev1.PlannedCrd, error) {
	var plans []*enginev1.PlannedCrd
	for _, definition := range definitionsOf(made) {
		one := &enginev1.PlannedCrd{Name: definition.GetName(), Change: enginev1.PlannedChange_PLANNED_CHANGE_UNCHANGED}
		live, err := p.client.Definitions().Get(ctx, definition.GetName(), metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			one.Differs = true
			if p.install != nil && !p.install.GetOptions().GetSkipCrds() {
				one.Change, one.Differs = enginev1.PlannedChange_PLANNED_CHANGE_CREATE, false
			}
		case apierrors.IsForbidden(err):
			// Whoever may not read definitions is not told of them.
			continue
		case err != nil:
			return nil, err
		default:
			one.Differs = !isWithin(definition.Object["spec"], live.Object["spec"])
		}
		if one.GetDiffers() && p.options().GetUpgradeCrds() {
			p.planUpgrade(ctx, one, definition, live)
		}
		plans = append(plans, one)
	}
	return plans, nil
}

// planUpgrade asks what would become of a definition that is applied.
func (p *plan) planUpgrade(ctx context.Context, one *enginev1.PlannedCrd, definition, live *unstructured.Unstructured) {
	one.Change, one.Differs = enginev1.PlannedChange_PLANNED_CHANGE_UPDATE, false
	if live == nil {
		one.Change = enginev1.PlannedChange_PLANNED_CHANGE_CREATE
	}
	after, err := p.applyDefinition(ctx, definition, p.options())
	if err != nil {
		one.Error = classify(err, nil).Proto()
		return
	}
	one.Live, one.Planned = shownPair(live, after, false, "")
}

// isWithin tells whether all that is written stands in what is live, which has
// the API server's defaults as well.
func isWithin(written, live any) bool {
	switch part := written.(type) {
	case map[string]any:
		whole, ok := live.(map[string]any)
		if !ok {
			return len(part) == 0
		}
		for key, value := range part {
			if !isWithin(value, whole[key]) {
				return false
			}
		}
		return true
	case []any:
		whole, ok := live.([]any)
		if !ok || len(whole) != len(part) {
			return len(part) == 0 && !ok
		}
		for i := range part {
			if !isWithin(part[i], whole[i]) {
				return false
			}
		}
		return true
	case int64, float64:
		return number(written) == number(live)
	case nil:
		return live == nil
	default:
		return reflect.DeepEqual(written, live)
	}
}

func number(value any) float64 {
	switch one := value.(type) {
	case int64:
		return float64(one)
	case float64:
		return one
	}
	return 0
}
