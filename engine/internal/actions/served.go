package actions

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

// replacements are the APIs that Kubernetes has removed since 1.16, each with
// the one that took its place.
// Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/
var replacements = map[string]string{
	"extensions/v1beta1 Ingress":                                          "networking.k8s.io/v1",
	"networking.k8s.io/v1beta1 Ingress":                                   "networking.k8s.io/v1",
	"networking.k8s.io/v1beta1 IngressClass":                              "networking.k8s.io/v1",
	"extensions/v1beta1 NetworkPolicy":                                    "networking.k8s.io/v1",
	"extensions/v1beta1 Deployment":                                       "apps/v1",
	"extensions/v1beta1 DaemonSet":                                        "apps/v1",
	"extensions/v1beta1 ReplicaSet":                                       "apps/v1",
	"apps/v1beta1 Deployment":                                             "apps/v1",
	"apps/v1beta1 StatefulSet":                                            "apps/v1",
	"apps/v1beta2 Deployment":                                             "apps/v1",
	"apps/v1beta2 DaemonSet":                                              "apps/v1",
	"apps/v1beta2 ReplicaSet":                                             "apps/v1",
	"apps/v1beta2 StatefulSet":                                            "apps/v1",
	"batch/v1beta1 CronJob":                                               "batch/v1",
	"batch/v2alpha1 CronJob":                                              "batch/v1",
	"policy/v1beta1 PodDisruptionBudget":                                  "policy/v1",
	"apiextensions.k8s.io/v1beta1 CustomResourceDefinition":               "apiextensions.k8s.io/v1",
	"admissionregistration.k8s.io/v1beta1 MutatingWebhookConfiguration":   "admissionregistration.k8s.io/v1",
	"admissionregistration.k8s.io/v1beta1 ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
	"rbac.authorization.k8s.io/v1beta1 Role":                              "rbac.authorization.k8s.io/v1",
	"rbac.authorization.k8s.io/v1beta1 RoleBinding":                       "rbac.authorization.k8s.io/v1",
	"rbac.authorization.k8s.io/v1beta1 ClusterRole":                       "rbac.authorization.k8s.io/v1",
	"rbac.authorization.k8s.io/v1beta1 ClusterRoleBinding":                "rbac.authorization.k8s.io/v1",
	"scheduling.k8s.io/v1beta1 PriorityClass":                             "scheduling.k8s.io/v1",
	"storage.k8s.io/v1beta1 StorageClass":                                 "storage.k8s.io/v1",
	"storage.k8s.io/v1beta1 CSIDriver":                                    "storage.k8s.io/v1",
	"discovery.k8s.io/v1beta1 EndpointSlice":                              "discovery.k8s.io/v1",
	"coordination.k8s.io/v1beta1 Lease":                                   "coordination.k8s.io/v1",
	"autoscaling/v2beta1 HorizontalPodAutoscaler":                         "autoscaling/v2",
	"autoscaling/v2beta2 HorizontalPodAutoscaler":                         "autoscaling/v2",
	"certificates.k8s.io/v1beta1 CertificateSigningRequest":               "certificates.k8s.io/v1",
	"flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema":                     "flowcontrol.apiserver.k8s.io/v1",
	"flowcontrol.apiserver.k8s.io/v1beta3 PriorityLevelConfiguration":     "flowcontrol.apiserver.k8s.io/v1",
}

type head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
		// Annotations may be anything in what a template makes.
		Annotations map[string]any `json:"annotations"`
	} `json:"metadata"`
}

// isKept tells whether Helm deletes no such object.
func (h head) isKept() bool {
	policy, _ := h.Metadata.Annotations[kube.ResourcePolicyAnno].(string)
	return strings.ToLower(strings.TrimSpace(policy)) == kube.KeepPolicy
}

// checkServed refuses a release with an object whose API the cluster does not
// serve, unless the chart brings its CRD.
func (s *session) checkServed(rel *release.Release) error {
	return s.checkManifest(rel.Manifest, own(rel.Chart))
}

// checkManifest refuses a manifest with an object whose API the cluster does not
// serve and that is none of own.
func (s *session) checkManifest(manifest string, own map[schema.GroupKind]bool) error {
	return s.checkObjects(heads(manifest), own)
}

// checkDeletable refuses to uninstall what has an object whose API the cluster
// does not serve any more: Helm would find that out when it has run the hooks,
// leave the release without an ending and not say why.
func (s *session) checkDeletable(rel *release.Release) error {
	if rel.Info.Status == common.StatusUninstalled {
		return nil
	}
	return s.checkObjects(slices.DeleteFunc(heads(rel.Manifest), head.isKept), nil)
}

func (s *session) checkObjects(objects []head, own map[schema.GroupKind]bool) error {
	for _, object := range objects {
		version, err := schema.ParseGroupVersion(object.APIVersion)
		if err != nil || object.Kind == "" {
			continue
		}
		kind := schema.GroupKind{Group: version.Group, Kind: object.Kind}
		if own[kind] {
			continue
		}
		if _, err := s.known.Mapper().RESTMapping(kind, version.Version); meta.IsNoMatchError(err) {
			return notServed(object)
		}
	}
	return nil
}

func notServed(object head) error {
	refused := &problem.Error{
		Code:    "API_REMOVED",
		Message: fmt.Sprintf("The cluster does not serve %s %s, which %q is of.", object.APIVersion, object.Kind, object.Metadata.Name),
		Object: &enginev1.ObjectReference{
			ApiVersion: object.APIVersion, Kind: object.Kind, Namespace: object.Metadata.Namespace, Name: object.Metadata.Name,
		},
		Details: map[string]string{"api_version": object.APIVersion},
	}
	if replacement, known := replacements[object.APIVersion+" "+object.Kind]; known {
		refused.Message += fmt.Sprintf(" It was replaced by %s.", replacement)
		refused.Details["replacement"] = replacement
	}
	return refused
}

func documents(manifest string) []string { return strings.Split("\n"+manifest, "\n---") }

// heads reads who the objects of a manifest are, in the manifest's order.
func heads(manifest string) []head {
	var found []head
	for _, document := range documents(manifest) {
		var object head
		if yaml.Unmarshal([]byte(document), &object) == nil && object.Kind != "" {
			found = append(found, object)
		}
	}
	return found
}
