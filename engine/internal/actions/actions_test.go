package actions

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"google.golang.org/protobuf/types/known/durationpb"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/progress"
	"berth.dev/engine/internal/testcluster"
)

const configMap = `apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }} }
data: { value: {{ .Values.value | default "none" | quote }} }
`

func newRunner() *Runner {
	return New(Options{AllowLocalCharts: true, Log: slog.New(slog.DiscardHandler)})
}

func plainChart(t *testing.T) *enginev1.ChartReference {
	return testcluster.Chart(t, "plain", map[string]string{"templates/config.yaml": configMap})
}

func quiet(*enginev1.ActionEvent) {}

func install(t *testing.T, runner *Runner, target *enginev1.Target, action *enginev1.ActionContext) *enginev1.ActionResult {
	t.Helper()
	return runner.Install(t.Context(), &enginev1.InstallRequest{Target: target, Context: action, Chart: plainChart(t)}, quiet)
}

func upgrade(t *testing.T, runner *Runner, target *enginev1.Target, action *enginev1.ActionContext) *enginev1.ActionResult {
	t.Helper()
	return runner.Upgrade(t.Context(), &enginev1.UpgradeRequest{Target: target, Context: action, Chart: plainChart(t)}, quiet)
}

func records(t *testing.T, c *testcluster.Cluster, release string) []v1.Secret {
	t.Helper()
	list, err := c.Client.CoreV1().Secrets(c.Namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "owner=helm,name=" + release})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func wantCode(t *testing.T, failure *enginev1.ActionError, code string) {
	t.Helper()
	if failure.GetCode() != code {
		t.Fatalf("want %s, got %v", code, failure)
	}
}

func TestEachRevisionCarriesItsOperationFenceAndProvenance(t *testing.T) {
	c, runner := testcluster.New(t), newRunner()
	target := c.Target("labels")
	first := install(t, runner, target, &enginev1.ActionContext{OperationId: "op-1", Fence: 1, Provenance: map[string]string{"actor": "one"}})
	wantCode(t, first.GetError(), "")
	second := upgrade(t, runner, target, &enginev1.ActionContext{OperationId: "op-2", Fence: 2, Provenance: map[string]string{"actor": "two"}})
	wantCode(t, second.GetError(), "")
	back := runner.Rollback(t.Context(), &enginev1.RollbackRequest{
		Target: target, Context: &enginev1.ActionContext{OperationId: "op-3", Provenance: map[string]string{"actor": "three"}}, Revision: 1,
	}, quiet)
	wantCode(t, back.GetError(), "")
	if got := back.GetRelease().GetProvenance()["actor"]; got != "three" {
		t.Errorf("the rollback carries the provenance of %q", got)
	}
	operations := map[string]string{}
	for _, record := range records(t, c, "labels") {
		operations[record.Labels["version"]] = record.Labels["berth.dev/operation"]
	}
	for version, want := range map[string]string{"1": "op-1", "2": "op-2", "3": "op-3"} {
		if operations[version] != want {
			t.Errorf("revision %s is of operation %q, want %q", version, operations[version], want)
		}
	}
	old := runner.Get(t.Context(), &enginev1.GetRequest{Target: target, Revision: 1})
	if got := old.GetRelease().GetProvenance()["actor"]; got != "one" {
		t.Errorf("revision 1 has lost its provenance: %q", got)
	}
}

func TestAnOlderHolderIsFenced(t *testing.T) {
	c, runner := testcluster.New(t), newRunner()
	target := c.Target("fenced")
	wantCode(t, install(t, runner, target, &enginev1.ActionContext{OperationId: "op-1", Fence: 7}).GetError(), "")
	refused := upgrade(t, runner, target, &enginev1.ActionContext{OperationId: "op-2", Fence: 6})
	wantCode(t, refused.GetError(), "FENCED")
	if refused.GetChanged() || len(records(t, c, "fenced")) != 1 {
		t.Error("an older holder has written")
	}
}

func TestPastItsHoldAnActionChangesNothing(t *testing.T) {
	c, runner := testcluster.New(t), newRunner()
	result := install(t, runner, c.Target("late"), &enginev1.ActionContext{OperationId: "op-1", Hold: durationpb.New(time.Nanosecond)})
	wantCode(t, result.GetError(), "HOLD_LOST")
	if result.GetChanged() || len(records(t, c, "late")) != 0 {
		t.Error("an action past its hold has written")
	}
}

func TestAWriteOfSomebodyElseIsNotOverwritten(t *testing.T) {
	c, runner := testcluster.New(t), newRunner()
	wantCode(t, install(t, runner, c.Target("swap"), &enginev1.ActionContext{OperationId: "op-1"}).GetError(), "")
	open := func(id string) *session {
		s, err := runner.open(c.Target("swap"), &enginev1.ActionContext{OperationId: id}, progress.New(nil))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	one, two := open("op-2"), open("op-3")
	ours, err := one.newest()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := two.newest()
	if err != nil {
		t.Fatal(err)
	}
	// A write that changes nothing is none to the API server.
	theirs.Info.Description = "written by the other"
	if err := two.store.Update(theirs); err != nil {
		t.Fatal(err)
	}
	wantCode(t, classify(one.store.Update(ours), one).Proto(), "REVISION_STALE")
}

func TestWhoAppliesNeedNotReadReleases(t *testing.T) {
	c, runner := testcluster.New(t), newRunner()
	target := c.Target("two")
	target.Apply = c.Identity()
	target.Apply.ImpersonateUser = "developer"
	refused := install(t, runner, target, &enginev1.ActionContext{OperationId: "op-1"})
	wantCode(t, refused.GetError(), "FORBIDDEN")
	allow(t, c, "developer", rbac.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"*"}})
	target.Release = "three"
	result := install(t, runner, target, &enginev1.ActionContext{OperationId: "op-2"})
	wantCode(t, result.GetError(), "")
	if result.GetRelease().GetStatus() != "deployed" || len(records(t, c, "three")) != 1 {
		t.Errorf("the release is %v", result.GetRelease())
	}
	for _, record := range records(t, c, "two") {
		if strings.HasPrefix(record.Labels["status"], "pending") {
			t.Errorf("the refused release is %s", record.Labels["status"])
		}
	}
}

func TestSettleGivesADeadActionItsEnding(t *testing.T) {
	c, runner := testcluster.New(t), newRunner()
	for _, kind := range []enginev1.StorageDriver{enginev1.StorageDriver_STORAGE_DRIVER_SECRET, enginev1.StorageDriver_STORAGE_DRIVER_CONFIGMAP} {
		target := c.Target("dead-" + strings.ToLower(kind.String()[len("STORAGE_DRIVER_"):]))
		target.StorageDriver = kind
		wantCode(t, install(t, runner, target, &enginev1.ActionContext{OperationId: "op-1"}).GetError(), "")
		s, err := runner.open(target, &enginev1.ActionContext{OperationId: "op-2"}, progress.New(nil))
		if err != nil {
			t.Fatal(err)
		}
		rel, err := s.newest()
		if err != nil {
			t.Fatal(err)
		}
		rel.Info.Status = "pending-upgrade"
		if err := s.store.Update(rel); err != nil {
			t.Fatal(err)
		}
		wantCode(t, upgrade(t, runner, target, &enginev1.ActionContext{OperationId: "op-3"}).GetError(), "RELEASE_PENDING")
		unlock := func(age time.Duration, revision int32) *enginev1.SettleResponse {
			return runner.Settle(t.Context(), &enginev1.SettleRequest{
				Target: target, Context: &enginev1.ActionContext{OperationId: "op-2", ExpectedRevision: &revision},
				Cause: "it was unlocked", MinAge: durationpb.New(age),
			})
		}
		wantCode(t, unlock(time.Hour, 1).GetError(), "RELEASE_NOT_STUCK")
		wantCode(t, unlock(0, 2).GetError(), "REVISION_STALE")
		request := &enginev1.SettleRequest{Target: target, Context: &enginev1.ActionContext{OperationId: "op-2"}, Cause: "its engine died"}
		settled := runner.Settle(t.Context(), request)
		if !settled.GetChanged() || settled.GetRelease().GetStatus() != "failed" || !strings.Contains(settled.GetRelease().GetDescription(), "its engine died") {
			t.Errorf("settled: %v", settled)
		}
		if again := runner.Settle(t.Context(), request); again.GetChanged() || again.GetError() != nil {
			t.Errorf("settled again: %v", again)
		}
		wantCode(t, unlock(0, 1).GetError(), "RELEASE_NOT_STUCK")
		// What was never deployed can be upgraded all the same.
		wantCode(t, upgrade(t, runner, target, &enginev1.ActionContext{OperationId: "op-4"}).GetError(), "")
	}
}

func allow(t *testing.T, c *testcluster.Cluster, user string, rules ...rbac.PolicyRule) {
	t.Helper()
	ctx := context.Background()
	role := &rbac.Role{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: rules}
	if _, err := c.Client.RbacV1().Roles(c.Namespace).Create(ctx, role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbac.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		Subjects:   []rbac.Subject{{Kind: "User", APIGroup: "rbac.authorization.k8s.io", Name: user}},
		RoleRef:    rbac.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: user},
	}
	if _, err := c.Client.RbacV1().RoleBindings(c.Namespace).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	// The authorizer learns of a binding by its own watch.
	time.Sleep(500 * time.Millisecond)
}
