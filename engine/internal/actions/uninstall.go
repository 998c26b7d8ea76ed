package actions

import (
	"context"

	"helm.sh/helm/v4/pkg/action"

	"berth.dev/engine/gen/enginev1"
)

// Uninstall removes a release's objects and, unless asked otherwise, its history.
func (r *Runner) Uninstall(ctx context.Context, request *enginev1.UninstallRequest, emit Emit) *enginev1.ActionResult {
	return r.act(ctx, request.GetTarget(), request.GetContext(), emit, func(s *session) error {
		rel, err := s.admit()
		if err != nil {
			return err
		}
		if rel == nil {
			if request.GetIgnoreNotFound() {
				return nil
			}
			return notFound(s.target)
		}
		if err := s.checkManaged(rel, request.GetOptions()); err != nil {
			return err
		}
		if err := s.learn(); err != nil {
			return err
		}
		if err := s.checkDeletable(rel); err != nil {
			return err
		}
		options := request.GetOptions()
		uninstall := action.NewUninstall(s.config)
		uninstall.DisableHooks = options.GetDisableHooks()
		uninstall.DryRun = options.GetDryRun()
		uninstall.IgnoreNotFound = request.GetIgnoreNotFound()
		uninstall.KeepHistory = request.GetKeepHistory()
		uninstall.WaitStrategy = s.waitStrategy(options.GetWait())
		uninstall.DeletionPropagation = request.GetDeletionPropagation()
		uninstall.Timeout = timeout(options)
		uninstall.Description = options.GetDescription()
		// Helm applies the hooks of an uninstall server-side, always.
		s.client.TrustServer()
		s.events.Phase(enginev1.Phase_PHASE_DELETING)
		_, err = uninstall.Run(s.target.GetRelease())
		return err
	})
}
