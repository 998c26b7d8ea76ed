package actions

import (
	"fmt"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

// Flux' helm-controller renders these labels onto every object of a release, so
// they stand in the stored manifest; both name its HelmRelease.
const (
	fluxName      = "helm.toolkit.fluxcd.io/name"
	fluxNamespace = "helm.toolkit.fluxcd.io/namespace"
)

// Argo CD makes no release: it applies objects, and marks each with one of
// these. By default it tracks by app.kubernetes.io/instance no more, which charts
// set themselves.
const (
	argoTracking = "argocd.argoproj.io/tracking-id"
	argoInstance = "argocd.argoproj.io/instance"
)

// liveLooks is how many of a release's objects are looked at as they are live:
// who takes a release over takes all of them.
const liveLooks = 4

// manager is who else deploys an object.
type manager struct {
	by     string
	object *enginev1.ObjectReference
}

// checkManaged refuses to write a release that somebody else deploys: they would
// undo it, or fight over it.
func (s *session) checkManaged(rel *release.Release, options *enginev1.ActionOptions) error {
	if rel == nil || rel.Info.Status == common.StatusUninstalled || options.GetForceManaged() {
		return nil
	}
	found := managerIn(rel.Manifest)
	if found == nil {
		found = s.liveManager(rel.Manifest)
	}
	if found == nil {
		return nil
	}
	return &problem.Error{
		Code: "RELEASE_MANAGED", Field: "options.force_managed", Object: found.object,
		Message: fmt.Sprintf("The release is managed by %s, by what stands on %s %s.", found.by, found.object.GetKind(), found.object.GetName()),
		Details: map[string]string{"managed_by": found.by},
	}
}

// managerIn finds who deploys a release by its stored manifest; nil where that tells of nobody.
func managerIn(manifest string) *manager {
	if !mentionsManager(manifest) {
		return nil
	}
	for _, document := range documents(manifest) {
		if !mentionsManager(document) {
			continue
		}
		var object metav1.PartialObjectMetadata
		if yaml.Unmarshal([]byte(document), &object) != nil {
			continue
		}
		if by := managedBy(&object); by != "" {
			return &manager{by: by, object: &enginev1.ObjectReference{
				ApiVersion: object.APIVersion, Kind: object.Kind, Namespace: object.Namespace, Name: object.Name,
			}}
		}
	}
	return nil
}

// Reading YAML costs more than looking for a word.
func mentionsManager(text string) bool {
	return strings.Contains(text, fluxName) || strings.Contains(text, argoTracking) || strings.Contains(text, argoInstance)
}

// liveManager looks at the first objects of a manifest as they are. Who may not
// read them is not told.
func (s *session) liveManager(manifest string) *manager {
	first := documents(manifest)
	pieces := s.split(strings.Join(first[:min(len(first), liveLooks+1)], "\n---"))
	var mu sync.Mutex
	var found *manager
	s.each(len(pieces), func(i int) {
		info := pieces[i].info
		if info == nil {
			return
		}
		object, err := s.client.Metadata(s.wait, info)
		if err != nil {
			return
		}
		object.Kind = pieces[i].head.Kind
		if by := managedBy(object); by != "" {
			mu.Lock()
			defer mu.Unlock()
			found = &manager{by: by, object: pieces[i].reference()}
			found.object.Namespace = info.Namespace
		}
	})
	return found
}

// managedBy says who deploys an object; empty for nobody else.
func managedBy(object *metav1.PartialObjectMetadata) string {
	if name, namespace := object.Labels[fluxName], object.Labels[fluxNamespace]; name != "" && namespace != "" {
		return fmt.Sprintf("HelmRelease %s/%s of Flux", namespace, name)
	}
	if application := object.Labels[argoInstance]; application != "" {
		return fmt.Sprintf("Application %s of Argo CD", application)
	}
	if application := tracked(object); application != "" {
		return fmt.Sprintf("Application %s of Argo CD", application)
	}
	return ""
}

// tracked is the application in a tracking id, application:group/kind:namespace/name.
// Operators copy annotations: an id that names another object says nothing of this one.
func tracked(object *metav1.PartialObjectMetadata) string {
	parts := strings.SplitN(object.Annotations[argoTracking], ":", 3)
	if len(parts) != 3 {
		return ""
	}
	_, kind, _ := strings.Cut(parts[1], "/")
	// That of an object without a namespace names its application's.
	namespace, name, _ := strings.Cut(parts[2], "/")
	if kind != object.Kind || name != object.Name || object.Namespace != "" && namespace != object.Namespace {
		return ""
	}
	return parts[0]
}
