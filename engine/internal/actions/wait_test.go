package actions

import (
	"fmt"
	"sync"
	"testing"
	"time"

	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"google.golang.org/protobuf/types/known/durationpb"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/testcluster"
)

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      {{- if .Values.nowhere }}
      nodeSelector: { nowhere: "true" }
      {{- end }}
      containers: [ { name: main, image: "registry.local/app:{{ .Values.tag | default 1 }}" } ]
`

func workload(t *testing.T) *enginev1.ChartReference {
	return testcluster.Chart(t, "workload", map[string]string{"templates/deployment.yaml": deployment})
}

func waiting(timeout time.Duration) *enginev1.ActionOptions {
	return &enginev1.ActionOptions{Wait: enginev1.WaitStrategy_WAIT_STRATEGY_WATCHER, Timeout: durationpb.New(timeout)}
}

func watchesOf(t *testing.T, runner *Runner, target *enginev1.Target) int {
	t.Helper()
	known, err := runner.cache.Get(target.GetCluster(), target.GetApply())
	if err != nil {
		t.Fatal(err)
	}
	return known.Watches().Len()
}

func TestWaitsOfOneNamespaceShareTheirWatches(t *testing.T) {
	c, runner := testcluster.New(t), newRunner()
	chart := workload(t)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			target := c.Target(fmt.Sprintf("shared-%d", i))
			result := runner.Install(t.Context(), &enginev1.InstallRequest{
				Target: target, Context: &enginev1.ActionContext{OperationId: target.GetRelease()}, Chart: chart, Options: waiting(time.Minute),
			}, quiet)
			if result.GetError() != nil {
				t.Errorf("%s: %v", target.GetRelease(), result.GetError())
			}
			// Deployments, replica sets and pods.
			if got := watchesOf(t, runner, target); got > 3 {
				t.Errorf("%d watches", got)
			}
		})
	}
	all.Wait()
	list, err := c.Client.AppsV1().Deployments(c.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range list.Items {
		if one.Status.AvailableReplicas != 1 {
			t.Errorf("%s was called ready with %d replicas", one.Name, one.Status.AvailableReplicas)
		}
	}
}

func TestAnUpgradeIsNotJudgedByWhatWasBefore(t *testing.T) {
	c, runner := testcluster.New(t), newRunner()
	target, chart := c.Target("again"), workload(t)
	wantCode(t, runner.Install(t.Context(), &enginev1.InstallRequest{
		Target: target, Context: &enginev1.ActionContext{OperationId: "op-1"}, Chart: chart, Options: waiting(time.Minute),
	}, quiet).GetError(), "")
	// The watch of the install is still there, and says that the Deployment is ready.
	result := runner.Upgrade(t.Context(), &enginev1.UpgradeRequest{
		Target: target, Context: &enginev1.ActionContext{OperationId: "op-2"}, Chart: chart, Options: waiting(2 * time.Second),
		Values: &enginev1.Values{Documents: []string{"nowhere: true"}},
	}, quiet)
	wantCode(t, result.GetError(), "WAIT_TIMEOUT")
	if object := result.GetError().GetObject(); object.GetKind() != "Deployment" || object.GetName() != "again" {
		t.Errorf("the wait ended at %v", object)
	}
}

func TestWhoMayNotWatchWaitsByAsking(t *testing.T) {
	c, runner := testcluster.New(t), newRunner()
	user := "limited-" + c.Namespace
	allow(t, c, user, rbac.PolicyRule{
		APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"get", "create", "patch"},
	})
	target := c.Target("limited")
	target.Apply.ImpersonateUser = user
	result := runner.Install(t.Context(), &enginev1.InstallRequest{
		Target: target, Context: &enginev1.ActionContext{OperationId: "op-1"}, Chart: workload(t), Options: waiting(time.Minute),
	}, quiet)
	wantCode(t, result.GetError(), "")
	made, err := c.Client.AppsV1().Deployments(c.Namespace).Get(t.Context(), "limited", metav1.GetOptions{})
	if err != nil || made.Status.AvailableReplicas != 1 {
		t.Errorf("called ready with %d replicas: %v", made.Status.AvailableReplicas, err)
	}
}
