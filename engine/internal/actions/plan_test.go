package actions

import (
	"testing"

	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/testcluster"
)

func TestAPlanTellsTheRightsThatAreMissing(t *testing.T) {
	c, runner := testcluster.New(t), newRunner()
	user := "planner-" + c.Namespace
	allow(t, c, user, rbac.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "create", "patch"}},
		rbac.PolicyRule{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"get"}})
	chart := testcluster.Chart(t, "rights", map[string]string{
		"templates/a.yaml": configMap,
		"templates/b.yaml": "apiVersion: v1\nkind: Service\nmetadata: { name: mine }\nspec: { ports: [ { port: 80 } ] }\n",
		"templates/c.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: mine }\n",
	})
	target := c.Target("rights")
	target.Apply.ImpersonateUser = user
	plan := runner.Plan(t.Context(), &enginev1.PlanRequest{Verb: &enginev1.PlanRequest_Install{
		Install: &enginev1.InstallRequest{Target: target, Context: &enginev1.ActionContext{}, Chart: chart},
	}})
	wantCode(t, plan.GetError(), "")
	codes := map[string]string{}
	for _, one := range plan.GetObjects() {
		codes[one.GetObject().GetKind()] = one.GetError().GetCode()
	}
	want := map[string]string{"ConfigMap": "", "Service": "FORBIDDEN", "ServiceAccount": "FORBIDDEN"}
	for kind, code := range want {
		if codes[kind] != code {
			t.Errorf("%s: %q, want %q", kind, codes[kind], code)
		}
	}
	list, err := c.Client.CoreV1().ConfigMaps(c.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range list.Items {
		if one.Name == "rights" {
			t.Error("a plan has made an object")
		}
	}
}

func TestAPlanTellsTheRightsThatHooksMiss(t *testing.T) {
	c, runner := testcluster.New(t), newRunner()
	user := "hooker-" + c.Namespace
	all := []string{"get", "create", "patch", "delete"}
	allow(t, c, user, rbac.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: all},
		rbac.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: all},
		rbac.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: all[:3]},
		rbac.PolicyRule{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"delete", "patch"}},
		rbac.PolicyRule{APIGroups: []string{""}, Resources: []string{"serviceaccounts"}, Verbs: []string{"delete", "create"}})
	hook := func(kind, events, rest string) string {
		return "apiVersion: v1\nkind: " + kind + "\nmetadata: { name: hooked, annotations: { helm.sh/hook: " + events + " } }\n" + rest
	}
	files := map[string]string{
		"templates/a.yaml": configMap,
		"templates/b.yaml": hook("ConfigMap", "'pre-install,post-install,pre-upgrade'", ""),
		"templates/c.yaml": hook("Secret", "'pre-install,pre-upgrade'", ""),
		"templates/d.yaml": hook("Service", "'post-install,pre-upgrade'", "spec: { ports: [ { port: 80 } ] }\n"),
		"templates/e.yaml": hook("ServiceAccount", "'post-install,pre-upgrade'", ""),
		"templates/f.yaml": hook("Pod", "post-install", "spec: { serviceAccountName: hooked, containers: [ { name: a, image: a } ] }\n"),
		"templates/g.yaml": hook("LimitRange", "pre-rollback", ""),
	}
	chart := testcluster.Chart(t, "hooked", files)
	want := map[string]string{"ConfigMap": "", "Pod": "", "Secret": "FORBIDDEN", "Service": "FORBIDDEN", "ServiceAccount": "FORBIDDEN"}
	target := c.Target("hooked")
	target.Apply.ImpersonateUser = user
	plan := runner.Plan(t.Context(), &enginev1.PlanRequest{Verb: &enginev1.PlanRequest_Install{
		Install: &enginev1.InstallRequest{Target: target, Context: &enginev1.ActionContext{}, Chart: chart},
	}})
	wantHooks(t, plan, 6, want)
	if maps, err := c.Client.CoreV1().ConfigMaps(c.Namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=hooked"}); err != nil || len(maps.Items) > 0 {
		t.Errorf("a plan has made an object: %v", err)
	}

	// What is there already is asked about as what will be gone by then.
	files["templates/f.yaml"] = ""
	result := runner.Install(t.Context(), &enginev1.InstallRequest{
		Target: c.Target("hooked"), Context: &enginev1.ActionContext{OperationId: "op-1"}, Chart: testcluster.Chart(t, "hooked", files),
	}, quiet)
	wantCode(t, result.GetError(), "")
	plan = runner.Plan(t.Context(), &enginev1.PlanRequest{Verb: &enginev1.PlanRequest_Upgrade{
		Upgrade: &enginev1.UpgradeRequest{Target: target, Context: &enginev1.ActionContext{}, Chart: testcluster.Chart(t, "hooked", files)},
	}})
	delete(want, "Pod")
	wantHooks(t, plan, 4, want)
}

func wantHooks(t *testing.T, plan *enginev1.PlanResponse, count int, want map[string]string) {
	t.Helper()
	wantCode(t, plan.GetError(), "")
	if len(plan.GetHooks()) != count {
		t.Errorf("%d hooks, want %d", len(plan.GetHooks()), count)
	}
	for _, one := range plan.GetHooks() {
		kind := one.GetHook().GetKind()
		if code := one.GetError().GetCode(); code != want[kind] {
			t.Errorf("%s: %q (%s), want %q", kind, code, one.GetError().GetMessage(), want[kind])
		}
	}
}

// Helm itself deletes and patches client-side for real in a dry run: nothing
// but the transport keeps a plan from changing the cluster.
func TestAPlanChangesNothingHoweverItIsApplied(t *testing.T) {
	c, runner := testcluster.New(t), newRunner()
	target := c.Target("still")
	options := &enginev1.ActionOptions{ServerSideApply: enginev1.ServerSideApply_SERVER_SIDE_APPLY_FALSE}
	wantCode(t, runner.Install(t.Context(), &enginev1.InstallRequest{
		Target: target, Context: &enginev1.ActionContext{OperationId: "op-1"}, Chart: plainChart(t), Options: options,
	}, quiet).GetError(), "")
	before, err := c.Client.CoreV1().ConfigMaps(c.Namespace).Get(t.Context(), "still", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	empty := testcluster.Chart(t, "plain", map[string]string{"templates/other.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: other }\n"})
	for _, one := range []struct {
		chart *enginev1.ChartReference
		want  enginev1.PlannedChange
		force bool
	}{
		{plainChart(t), enginev1.PlannedChange_PLANNED_CHANGE_UPDATE, false},
		{plainChart(t), enginev1.PlannedChange_PLANNED_CHANGE_UPDATE, true},
		{empty, enginev1.PlannedChange_PLANNED_CHANGE_DELETE, false},
	} {
		plan := runner.Plan(t.Context(), &enginev1.PlanRequest{Verb: &enginev1.PlanRequest_Upgrade{Upgrade: &enginev1.UpgradeRequest{
			Target: target, Context: &enginev1.ActionContext{}, Chart: one.chart,
			Options: &enginev1.ActionOptions{ServerSideApply: enginev1.ServerSideApply_SERVER_SIDE_APPLY_FALSE, ForceReplace: one.force},
			Values:  &enginev1.Values{Documents: []string{"value: planned"}},
		}}})
		wantCode(t, plan.GetError(), "")
		found := false
		for _, object := range plan.GetObjects() {
			wantCode(t, object.GetError(), "")
			found = found || object.GetObject().GetName() == "still" && object.GetChange() == one.want
		}
		if !found {
			t.Errorf("want %s: %v", one.want, plan.GetObjects())
		}
	}
	after, err := c.Client.CoreV1().ConfigMaps(c.Namespace).Get(t.Context(), "still", metav1.GetOptions{})
	if err != nil || after.ResourceVersion != before.ResourceVersion {
		t.Errorf("a plan has changed the object: %v", err)
	}
	if _, err := c.Client.CoreV1().ConfigMaps(c.Namespace).Get(t.Context(), "other", metav1.GetOptions{}); err == nil {
		t.Error("a plan has made an object")
	}
}
