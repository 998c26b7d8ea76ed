package actions

import (
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"

	"helm.sh/helm/v4/pkg/kube"
	release "helm.sh/helm/v4/pkg/release/v1"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

// plansAtOnce bounds the objects that are asked about at the same time.
const plansAtOnce = 8

// objects plans every object of the release, and those that it no longer has.
func (p *plan) objects(rel *release.Release, own map[schema.GroupKind]bool) ([]*enginev1.PlannedObject, error) {
	targets := p.split(rel.Manifest)
	var before []*piece
	originals := map[string]*resource.Info{}
	if p.upgrade != nil {
		before = p.split(p.current.Manifest)
		for _, one := range before {
			if one.info != nil {
				originals[keyOf(one.info)] = one.info
			}
		}
	}
	plans := make([]*enginev1.PlannedObject, len(targets))
	p.each(len(targets), func(i int) {
		one := targets[i]
		switch {
		case one.info == nil && own[one.kind()], one.info != nil && p.blind:
			plans[i] = &enginev1.PlannedObject{Object: one.reference(), Change: enginev1.PlannedChange_PLANNED_CHANGE_CREATE, Planned: shownText(one.text)}
		case one.info != nil && own[one.kind()] && p.options().GetUpgradeCrds():
			plans[i] = p.unasked(one)
		case one.info == nil:
			plans[i] = &enginev1.PlannedObject{Object: one.reference(), Change: enginev1.PlannedChange_PLANNED_CHANGE_CREATE, Error: one.failure}
		default:
			plans[i] = p.object(one, originals[keyOf(one.info)])
		}
	})
	for _, one := range targets {
		if one.info != nil {
			delete(originals, keyOf(one.info))
		}
	}
	var rest []*resource.Info
	for _, one := range before {
		if one.info != nil && originals[keyOf(one.info)] != nil {
			rest = append(rest, one.info)
		}
	}
	deletions := make([]*enginev1.PlannedObject, len(rest))
	p.each(len(rest), func(i int) { deletions[i] = p.deleted(rest[i]) })
	return append(plans, withoutNil(deletions)...), p.wait.Err()
}

// each does n things, some at a time.
func (s *session) each(n int, do func(i int)) {
	var all sync.WaitGroup
	slots := make(chan struct{}, plansAtOnce)
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	all.Wait()
}

// piece is one document of a manifest. One whose API is not served has no info.
type piece struct {
	text    string
	head    head
	info    *resource.Info
	failure *enginev1.ActionError
}

func (d *piece) kind() schema.GroupKind {
	version, _ := schema.ParseGroupVersion(d.head.APIVersion)
	return schema.GroupKind{Group: version.Group, Kind: d.head.Kind}
}

func (d *piece) reference() *enginev1.ObjectReference {
	return &enginev1.ObjectReference{
		ApiVersion: d.head.APIVersion, Kind: d.head.Kind, Namespace: d.head.Metadata.Namespace, Name: d.head.Metadata.Name,
	}
}

// split makes pieces of a manifest, in Helm's order.
func (s *session) split(manifest string) []*piece {
	var pieces []*piece
	for _, text := range documents(manifest) {
		found := heads(text)
		if len(found) == 0 {
			continue
		}
		one := &piece{text: text, head: found[0]}
		list, err := s.client.Client.Build(strings.NewReader(text), false)
		switch {
		case meta.IsNoMatchError(err) || err != nil && strings.Contains(err.Error(), "no matches for kind"):
			one.failure = classify(notServed(one.head), nil).Proto()
		case err != nil:
			one.failure = classify(err, nil).Proto()
		case len(list) > 0:
			one.info = list[0]
		}
		pieces = append(pieces, one)
	}
	return pieces
}

func keyOf(info *resource.Info) string {
	return info.Mapping.GroupVersionKind.GroupKind().String() + "/" + info.Namespace + "/" + info.Name
}

// object plans one object: the API server does all but store it.
func (p *plan) object(one *piece, original *resource.Info) *enginev1.PlannedObject {
	made := &enginev1.PlannedObject{Object: one.reference(), Change: enginev1.PlannedChange_PLANNED_CHANGE_CREATE}
	made.Object.Namespace = one.info.Namespace
	live, err := resource.NewHelper(one.info.Client, one.info.Mapping).Get(one.info.Namespace, one.info.Name)
	if err != nil && !apierrors.IsNotFound(err) {
		made.Error = classify(err, nil).Proto()
		return made
	}
	before := toUnstructured(live)
	if before != nil {
		made.Change = enginev1.PlannedChange_PLANNED_CHANGE_UPDATE
		if err := p.checkOwner(before, original); err != nil {
			made.Error = classify(err, nil).Proto()
		}
	}
	if err := p.own(one.info); err == nil {
		var originals kube.ResourceList
		if original != nil {
			originals.Append(original)
		}
		if err = p.update(originals, one.info); err != nil {
			made.Error = classify(err, nil).Proto()
		}
	}
	after := toUnstructured(one.info.Object)
	made.Live, made.Planned = shownPair(before, after, made.GetError() == nil && before == nil, one.text)
	if made.GetError() == nil && before != nil && made.GetLive() == made.GetPlanned() {
		made.Change = enginev1.PlannedChange_PLANNED_CHANGE_UNCHANGED
	}
	return made
}

// unasked shows an object of a kind whose definition is applied first: the API
// server knows only the one before.
func (p *plan) unasked(one *piece) *enginev1.PlannedObject {
	made := &enginev1.PlannedObject{Object: one.reference(), Change: enginev1.PlannedChange_PLANNED_CHANGE_CREATE}
	made.Object.Namespace = one.info.Namespace
	made.Planned = shownText(one.text)
	live, err := resource.NewHelper(one.info.Client, one.info.Mapping).Get(one.info.Namespace, one.info.Name)
	switch {
	case err == nil:
		made.Change = enginev1.PlannedChange_PLANNED_CHANGE_UPDATE
		made.Live, _ = shownPair(toUnstructured(live), nil, false, "")
	case !apierrors.IsNotFound(err):
		made.Error = classify(err, nil).Proto()
	}
	return made
}

// Labels and annotations by which Helm knows its objects.
const (
	managedByLabel      = "app.kubernetes.io/managed-by"
	nameAnnotation      = "meta.helm.sh/release-name"
	namespaceAnnotation = "meta.helm.sh/release-namespace"
)

// own marks an object as Helm does before it applies it.
func (s *session) own(info *resource.Info) error {
	object, err := meta.Accessor(info.Object)
	if err != nil {
		return err
	}
	object.SetLabels(with(object.GetLabels(), managedByLabel, "Helm"))
	object.SetAnnotations(with(with(object.GetAnnotations(), nameAnnotation, s.target.GetRelease()), namespaceAnnotation, s.target.GetNamespace()))
	return nil
}

func with(all map[string]string, key, value string) map[string]string {
	if all == nil {
		all = map[string]string{}
	}
	all[key] = value
	return all
}

// checkOwner refuses an object of somebody else, as Helm does.
func (p *plan) checkOwner(live *unstructured.Unstructured, original *resource.Info) error {
	annotations := live.GetAnnotations()
	ours := live.GetLabels()[managedByLabel] == "Helm" && annotations[nameAnnotation] == p.target.GetRelease() &&
		annotations[namespaceAnnotation] == p.target.GetNamespace()
	if ours || original != nil || p.install.GetOptions().GetTakeOwnership() || p.upgrade.GetOptions().GetTakeOwnership() {
		return nil
	}
	return problem.New("OBJECT_EXISTS", "The object exists and belongs to somebody else.")
}

// deleted plans one deletion; nil where the object is gone already.
func (p *plan) deleted(info *resource.Info) *enginev1.PlannedObject {
	kind := info.Mapping.GroupVersionKind
	made := &enginev1.PlannedObject{
		Object: &enginev1.ObjectReference{
			ApiVersion: kind.GroupVersion().String(), Kind: kind.Kind, Namespace: info.Namespace, Name: info.Name,
		},
		Change: enginev1.PlannedChange_PLANNED_CHANGE_DELETE,
	}
	helper := resource.NewHelper(info.Client, info.Mapping)
	live, err := helper.Get(info.Namespace, info.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		before := toUnstructured(live)
		made.Live, _ = shownPair(before, nil, false, "")
		if before.GetAnnotations()[kube.ResourcePolicyAnno] == kube.KeepPolicy {
			made.Change = enginev1.PlannedChange_PLANNED_CHANGE_KEEP
			return made
		}
		policy := metav1.DeletePropagationBackground
		_, err = helper.DeleteWithOptions(info.Namespace, info.Name, &metav1.DeleteOptions{PropagationPolicy: &policy})
	}
	if err != nil {
		made.Error = classify(err, nil).Proto()
	}
	return made
}

func withoutNil(plans []*enginev1.PlannedObject) []*enginev1.PlannedObject {
	kept := plans[:0]
	for _, one := range plans {
		if one != nil {
			kept = append(kept, one)
		}
	}
	return kept
}

func toUnstructured(object runtime.Object) *unstructured.Unstructured {
	if object == nil {
		return nil
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil
	}
	return (&unstructured.Unstructured{Object: content}).DeepCopy()
}
