package server

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"connectrpc.com/connect"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/gen/enginev1/enginev1connect"
	"berth.dev/engine/internal/actions"
	"berth.dev/engine/internal/problem"
)

type service struct {
	runner *actions.Runner
	log    *slog.Logger
}

var _ enginev1connect.EngineServiceHandler = (*service)(nil)

type eventStream = connect.ServerStream[enginev1.ActionEvents]

// stream runs a verb whose events and result go down one stream. A client that
// is gone ends nothing but through ctx, which the runner takes as a cancellation.
func (s *service) stream(out *eventStream, run func(actions.Emit) *enginev1.ActionResult) error {
	events := &gathered{send: out.Send}
	result := guarded(s.log, func() *enginev1.ActionResult { return run(events.add) }, func(failure *enginev1.ActionError) *enginev1.ActionResult {
		// Where it stopped is not known: the caller settles the release.
		return &enginev1.ActionResult{Error: failure, Changed: true}
	})
	return events.end(&enginev1.ActionEvent{Event: &enginev1.ActionEvent_Result{Result: result}})
}

// guarded makes an answer out of a panic: one call's fault ends no other's.
func guarded[Answer any](log *slog.Logger, call func() *Answer, failed func(*enginev1.ActionError) *Answer) (answer *Answer) {
	defer func() {
		if cause := recover(); cause != nil {
			log.Error("a call panicked", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			answer = failed(problem.New("INTERNAL", "The engine failed inside.").Proto())
		}
	}()
	return call()
}

func (s *service) Install(ctx context.Context, request *enginev1.InstallRequest, out *eventStream) error {
	return s.stream(out, func(emit actions.Emit) *enginev1.ActionResult { return s.runner.Install(ctx, request, emit) })
}

func (s *service) Upgrade(ctx context.Context, request *enginev1.UpgradeRequest, out *eventStream) error {
	return s.stream(out, func(emit actions.Emit) *enginev1.ActionResult { return s.runner.Upgrade(ctx, request, emit) })
}

func (s *service) Rollback(ctx context.Context, request *enginev1.RollbackRequest, out *eventStream) error {
	return s.stream(out, func(emit actions.Emit) *enginev1.ActionResult { return s.runner.Rollback(ctx, request, emit) })
}

func (s *service) Uninstall(ctx context.Context, request *enginev1.UninstallRequest, out *eventStream) error {
	return s.stream(out, func(emit actions.Emit) *enginev1.ActionResult { return s.runner.Uninstall(ctx, request, emit) })
}

func (s *service) Test(ctx context.Context, request *enginev1.TestRequest, out *eventStream) error {
	return s.stream(out, func(emit actions.Emit) *enginev1.ActionResult { return s.runner.Test(ctx, request, emit) })
}

func (s *service) Settle(ctx context.Context, request *enginev1.SettleRequest) (*enginev1.SettleResponse, error) {
	return guarded(s.log, func() *enginev1.SettleResponse { return s.runner.Settle(ctx, request) },
		func(failure *enginev1.ActionError) *enginev1.SettleResponse {
			return &enginev1.SettleResponse{Error: failure}
		}), nil
}

func (s *service) Cancel(_ context.Context, request *enginev1.CancelRequest) (*enginev1.CancelResponse, error) {
	return &enginev1.CancelResponse{Found: s.runner.Cancel(request.GetOperationId(), request.GetCause())}, nil
}

func (s *service) Extend(_ context.Context, request *enginev1.ExtendRequest) (*enginev1.ExtendResponse, error) {
	return &enginev1.ExtendResponse{Found: s.runner.Extend(request.GetOperationId(), request.GetHold().AsDuration())}, nil
}

func (s *service) Render(ctx context.Context, request *enginev1.RenderRequest) (*enginev1.RenderResponse, error) {
	return guarded(s.log, func() *enginev1.RenderResponse { return s.runner.Render(ctx, request) },
		func(failure *enginev1.ActionError) *enginev1.RenderResponse {
			return &enginev1.RenderResponse{Error: failure}
		}), nil
}

func (s *service) Plan(ctx context.Context, request *enginev1.PlanRequest) (*enginev1.PlanResponse, error) {
	return guarded(s.log, func() *enginev1.PlanResponse { return s.runner.Plan(ctx, request) },
		func(failure *enginev1.ActionError) *enginev1.PlanResponse {
			return &enginev1.PlanResponse{Error: failure}
		}), nil
}

func (s *service) Get(ctx context.Context, request *enginev1.GetRequest) (*enginev1.GetResponse, error) {
	return guarded(s.log, func() *enginev1.GetResponse { return s.runner.Get(ctx, request) },
		func(failure *enginev1.ActionError) *enginev1.GetResponse {
			return &enginev1.GetResponse{Error: failure}
		}), nil
}

func (s *service) History(ctx context.Context, request *enginev1.HistoryRequest) (*enginev1.HistoryResponse, error) {
	return guarded(s.log, func() *enginev1.HistoryResponse { return s.runner.History(ctx, request) },
		func(failure *enginev1.ActionError) *enginev1.HistoryResponse {
			return &enginev1.HistoryResponse{Error: failure}
		}), nil
}

func (s *service) Status(ctx context.Context, request *enginev1.StatusRequest) (*enginev1.StatusResponse, error) {
	return guarded(s.log, func() *enginev1.StatusResponse { return s.runner.Status(ctx, request) },
		func(failure *enginev1.ActionError) *enginev1.StatusResponse {
			return &enginev1.StatusResponse{Error: failure}
		}), nil
}

func (s *service) Check(ctx context.Context, request *enginev1.CheckRequest) (*enginev1.CheckResponse, error) {
	return guarded(s.log, func() *enginev1.CheckResponse { return s.runner.Check(ctx, request) },
		func(failure *enginev1.ActionError) *enginev1.CheckResponse {
			return &enginev1.CheckResponse{Error: failure}
		}), nil
}

func (s *service) SearchCharts(ctx context.Context, request *enginev1.SearchChartsRequest) (*enginev1.SearchChartsResponse, error) {
	return guarded(s.log, func() *enginev1.SearchChartsResponse { return s.runner.SearchCharts(ctx, request) },
		func(failure *enginev1.ActionError) *enginev1.SearchChartsResponse {
			return &enginev1.SearchChartsResponse{Error: failure}
		}), nil
}

func (s *service) RefreshSource(ctx context.Context, request *enginev1.RefreshSourceRequest) (*enginev1.RefreshSourceResponse, error) {
	return guarded(s.log, func() *enginev1.RefreshSourceResponse { return s.runner.RefreshSource(ctx, request) },
		func(failure *enginev1.ActionError) *enginev1.RefreshSourceResponse {
			return &enginev1.RefreshSourceResponse{Error: failure}
		}), nil
}

func (s *service) ListVersions(ctx context.Context, request *enginev1.ListVersionsRequest) (*enginev1.ListVersionsResponse, error) {
	return guarded(s.log, func() *enginev1.ListVersionsResponse { return s.runner.ListVersions(ctx, request) },
		func(failure *enginev1.ActionError) *enginev1.ListVersionsResponse {
			return &enginev1.ListVersionsResponse{Error: failure}
		}), nil
}

func (s *service) ShowChart(ctx context.Context, request *enginev1.ShowChartRequest) (*enginev1.ShowChartResponse, error) {
	return guarded(s.log, func() *enginev1.ShowChartResponse { return s.runner.ShowChart(ctx, request) },
		func(failure *enginev1.ActionError) *enginev1.ShowChartResponse {
			return &enginev1.ShowChartResponse{Error: failure}
		}), nil
}
