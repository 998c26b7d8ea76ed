package actions

import (
	"context"
	"errors"
	"fmt"

	"helm.sh/helm/v4/pkg/action"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
	"berth.dev/engine/internal/store"
)

// Rollback makes a new revision out of an older one.
func (r *Runner) Rollback(ctx context.Context, request *enginev1.RollbackRequest, emit Emit) *enginev1.ActionResult {
	return r.act(ctx, request.GetTarget(), request.GetContext(), emit, func(s *session) error {
		rel, err := s.admit()
		if err != nil {
			return err
		}
		if rel == nil {
			return notFound(s.target)
		}
		if err := s.checkManaged(rel, request.GetOptions()); err != nil {
			return err
		}
		revision := int(request.GetRevision())
		if revision == 0 {
			revision = rel.Version - 1
		}
		found, err := s.store.Get(s.target.GetRelease(), revision)
		if errors.Is(err, driver.ErrReleaseNotFound) || revision < 1 {
			return &problem.Error{Code: "REVISION_NOT_FOUND", Field: "revision", Message: fmt.Sprintf("The release has no revision %d.", revision)}
		}
		if err != nil {
			return err
		}
		s.inherit(found)
		if err := s.learn(); err != nil {
			return err
		}
		options := request.GetOptions()
		rollback := action.NewRollback(s.config)
		rollback.Version = revision
		rollback.Timeout = timeout(options)
		rollback.WaitStrategy = s.waitStrategy(options.GetWait())
		rollback.WaitForJobs = options.GetWaitForJobs()
		rollback.DisableHooks = options.GetDisableHooks()
		rollback.ForceReplace = options.GetForceReplace()
		rollback.ForceConflicts = options.GetForceConflicts()
		rollback.ServerSideApply = serverSide(options.GetServerSideApply())
		rollback.CleanupOnFail = request.GetCleanupOnFail()
		rollback.MaxHistory = historyMax(options)
		rollback.Description = options.GetDescription()
		if appliesServerSide(rollback.ServerSideApply, rel) {
			s.client.TrustServer()
		}
		if options.GetDryRun() {
			rollback.DryRunStrategy = action.DryRunServer
		}
		return rollback.Run(s.target.GetRelease())
	})
}

// inherit takes over what is known of the chart of the revision that is gone back to.
func (s *session) inherit(from any) {
	rel, ok := from.(*release.Release)
	if !ok {
		return
	}
	_, stamped := store.Provenance(rel)
	for _, key := range store.OfChart {
		if value, known := stamped[key]; known {
			s.provenance[key] = value
		}
	}
}
