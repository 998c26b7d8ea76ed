package actions

import (
	"context"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/testcluster"
)

func TestAReadEndsWithItsCaller(t *testing.T) {
	c, runner := testcluster.New(t), newRunner()
	target := c.Target("read")
	result := install(t, runner, target, &enginev1.ActionContext{OperationId: "op-1"})
	wantCode(t, result.GetError(), "")
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	server, err := url.Parse(c.Config.Host)
	if err != nil {
		t.Fatal(err)
	}
	// The same cluster by a way on which nobody answers.
	target.Cluster.Server = strings.Replace(c.Config.Host, server.Host, mute.Addr().String(), 1)
	for name, read := range map[string]func(context.Context){
		"get":     func(ctx context.Context) { runner.Get(ctx, &enginev1.GetRequest{Target: target}) },
		"history": func(ctx context.Context) { runner.History(ctx, &enginev1.HistoryRequest{Target: target}) },
		"status":  func(ctx context.Context) { runner.Status(ctx, &enginev1.StatusRequest{Target: target}) },
		"check":   func(ctx context.Context) { runner.Check(ctx, &enginev1.CheckRequest{Target: target}) },
		"plan": func(ctx context.Context) {
			runner.Plan(ctx, &enginev1.PlanRequest{Verb: &enginev1.PlanRequest_Upgrade{
				Upgrade: &enginev1.UpgradeRequest{Target: target, Chart: plainChart(t)},
			}})
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		begun := time.Now()
		read(ctx)
		cancel()
		if took := time.Since(begun); took < 400*time.Millisecond || took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}
