// Package server speaks berth.engine.v1 on a Unix socket.
package server

import (
	"context"
	"sync"

	"connectrpc.com/connect"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/gen/enginev1/enginev1connect"
	"berth.dev/engine/internal/actions"
)

type service struct{ runner *actions.Runner }

var _ enginev1connect.EngineServiceHandler = (*service)(nil)

// stream runs a verb whose events and result go down one stream. The stream is
// written by one goroutine at a time; a client that is gone ends nothing but
// through ctx, which the runner takes as a cancellation.
func stream(out *connect.ServerStream[enginev1.ActionEvent], run func(actions.Emit) *enginev1.ActionResult) error {
	var mu sync.Mutex
	send := func(event *enginev1.ActionEvent) error {
		mu.Lock()
		defer mu.Unlock()
		return out.Send(event)
	}
	result := run(func(event *enginev1.ActionEvent) {
		// Progress that nobody reads any more is no failure of the action.
		_ = send(event)
	})
	return send(&enginev1.ActionEvent{Event: &enginev1.ActionEvent_Result{Result: result}})
}

func (s *service) Install(ctx context.Context, request *enginev1.InstallRequest, out *connect.ServerStream[enginev1.ActionEvent]) error {
	return stream(out, func(emit actions.Emit) *enginev1.ActionResult { return s.runner.Install(ctx, request, emit) })
}

func (s *service) Upgrade(ctx context.Context, request *enginev1.UpgradeRequest, out *connect.ServerStream[enginev1.ActionEvent]) error {
	return stream(out, func(emit actions.Emit) *enginev1.ActionResult { return s.runner.Upgrade(ctx, request, emit) })
}

func (s *service) Rollback(ctx context.Context, request *enginev1.RollbackRequest, out *connect.ServerStream[enginev1.ActionEvent]) error {
	return stream(out, func(emit actions.Emit) *enginev1.ActionResult { return s.runner.Rollback(ctx, request, emit) })
}

func (s *service) Uninstall(ctx context.Context, request *enginev1.UninstallRequest, out *connect.ServerStream[enginev1.ActionEvent]) error {
	return stream(out, func(emit actions.Emit) *enginev1.ActionResult { return s.runner.Uninstall(ctx, request, emit) })
}

func (s *service) Test(ctx context.Context, request *enginev1.TestRequest, out *connect.ServerStream[enginev1.ActionEvent]) error {
	return stream(out, func(emit actions.Emit) *enginev1.ActionResult { return s.runner.Test(ctx, request, emit) })
}

func (s *service) Settle(ctx context.Context, request *enginev1.SettleRequest) (*enginev1.SettleResponse, error) {
	return s.runner.Settle(ctx, request), nil
}

func (s *service) Cancel(_ context.Context, request *enginev1.CancelRequest) (*enginev1.CancelResponse, error) {
	return &enginev1.CancelResponse{Found: s.runner.Cancel(request.GetOperationId(), request.GetCause())}, nil
}

func (s *service) Extend(_ context.Context, request *enginev1.ExtendRequest) (*enginev1.ExtendResponse, error) {
	return &enginev1.ExtendResponse{Found: s.runner.Extend(request.GetOperationId(), request.GetHold().AsDuration())}, nil
}

func (s *service) Render(ctx context.Context, request *enginev1.RenderRequest) (*enginev1.RenderResponse, error) {
	return s.runner.Render(ctx, request), nil
}

func (s *service) Get(ctx context.Context, request *enginev1.GetRequest) (*enginev1.GetResponse, error) {
	return s.runner.Get(ctx, request), nil
}

func (s *service) History(ctx context.Context, request *enginev1.HistoryRequest) (*enginev1.HistoryResponse, error) {
	return s.runner.History(ctx, request), nil
}

func (s *service) Status(ctx context.Context, request *enginev1.StatusRequest) (*enginev1.StatusResponse, error) {
	return s.runner.Status(ctx, request), nil
}
