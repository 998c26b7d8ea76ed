package actions

import (
	"strings"
	"testing"
)

func TestWhoElseDeploysAnObjectIsKnownByItsMarks(t *testing.T) {
	object := func(marks ...string) string {
		return "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\n  namespace: here\n" + strings.Join(marks, "")
	}
	flux := "  labels: { helm.toolkit.fluxcd.io/name: app, helm.toolkit.fluxcd.io/namespace: flux-system }\n"
	tracking := func(id string) string { return "  annotations: { argocd.argoproj.io/tracking-id: '" + id + "' }\n" }
	for _, one := range []struct{ manifest, want string }{
		{object(), ""},
		{object() + object(flux), "HelmRelease flux-system/app of Flux"},
		{object("  labels: { helm.toolkit.fluxcd.io/name: app }\n"), ""},
		{object("data: { text: 'helm.toolkit.fluxcd.io/name: app' }\n"), ""},
		{object("  labels: { app.kubernetes.io/instance: app }\n"), ""},
		{object("  labels: { argocd.argoproj.io/instance: app }\n"), "Application app of Argo CD"},
		{object(tracking("app:/ConfigMap:here/one")), "Application app of Argo CD"},
		{object(tracking("other-ns_app:/ConfigMap:here/one")), "Application other-ns_app of Argo CD"},
		{object(tracking("app:apps/Deployment:here/one")), ""},
		{object(tracking("app:/ConfigMap:here/two")), ""},
		{object(tracking("app:/ConfigMap:there/one")), ""},
		{object(tracking("app")), ""},
		{"---\nkind: ClusterRole\nmetadata:\n  name: one\n" + tracking("app:rbac.authorization.k8s.io/ClusterRole:there/one"), "Application app of Argo CD"},
		{"---\nargocd.argoproj.io/instance: [\n" + object(flux), "HelmRelease flux-system/app of Flux"},
	} {
		got := ""
		if found := managerIn(one.manifest); found != nil {
			got = found.by
		}
		if got != one.want {
			t.Errorf("%s\nis managed by %q, want %q", one.manifest, got, one.want)
		}
	}
}
