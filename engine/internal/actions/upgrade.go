package actions

import (
	"context"

	"helm.sh/helm/v4/pkg/action"
	ri "helm.sh/helm/v4/pkg/release"
	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/charts"
)

// Upgrade makes a new revision of a release, or the first one where asked to.
func (r *Runner) Upgrade(ctx context.Context, request *enginev1.UpgradeRequest, emit Emit) *enginev1.ActionResult {
	return r.act(ctx, request.GetTarget(), request.GetContext(), emit, func(s *session) error {
		rel, err := s.admit()
		if err != nil {
			return err
		}
		missing := rel == nil || rel.Info.Status == common.StatusUninstalled
		if missing && !request.GetInstallIfMissing() {
			return notFound(s.target)
		}
		if err := s.checkManaged(rel, request.GetOptions()); err != nil {
			return err
		}
		loaded, vals, err := s.load(request.GetChart(), request.GetValues())
		if err != nil {
			return err
		}
		if missing {
			return s.install(ctx, asInstall(request, rel), loaded, vals)
		}
		return s.upgrade(request, rel, loaded, vals)
	})
}

// asInstall is the install that an upgrade of a missing release is.
func asInstall(request *enginev1.UpgradeRequest, rel *release.Release) *enginev1.InstallRequest {
	return &enginev1.InstallRequest{
		Target: request.GetTarget(), Context: request.GetContext(), Chart: request.GetChart(), Values: request.GetValues(),
		Options: request.GetOptions(), CreateNamespace: request.GetCreateNamespace(), Replace: rel != nil,
	}
}

func (s *session) upgrade(request *enginev1.UpgradeRequest, current *release.Release, loaded *charts.Loaded, vals map[string]any) error {
	s.events.Phase(enginev1.Phase_PHASE_RENDERING)
	made, err := loaded.Chart()
	if err != nil {
		return err
	}
	dry := s.newUpgrade(s.previewConfig(), request, current)
	dry.DryRunStrategy = action.DryRunServer
	preview, err := s.preview(loaded.Digest, func() (ri.Releaser, error) {
		return dry.RunWithContext(s.wait, s.target.GetRelease(), made, copyValues(vals))
	})
	if err != nil {
		return err
	}
	if request.GetOptions().GetDryRun() {
		s.rendered = toRendered(preview)
		return nil
	}
	if made, err = loaded.Chart(); err != nil {
		return err
	}
	if request.GetOptions().GetUpgradeCrds() {
		if err := s.upgradeCrds(made, request.GetOptions()); err != nil {
			return err
		}
	}
	upgrade := s.newUpgrade(s.config, request, current)
	if upgrade.DisableOpenAPIValidation {
		s.client.TrustServer()
	}
	_, err = upgrade.RunWithContext(context.Background(), s.target.GetRelease(), made, vals)
	return err
}

func (s *session) newUpgrade(config *action.Configuration, request *enginev1.UpgradeRequest, current *release.Release) *action.Upgrade {
	options := request.GetOptions()
	upgrade := action.NewUpgrade(config)
	upgrade.Namespace = s.target.GetNamespace()
	upgrade.Install = request.GetInstallIfMissing()
	upgrade.WaitStrategy = s.waitStrategy(options.GetWait())
	upgrade.WaitForJobs = options.GetWaitForJobs()
	upgrade.Timeout = timeout(options)
	upgrade.DisableHooks = options.GetDisableHooks()
	upgrade.ServerSideApply = serverSide(options.GetServerSideApply())
	upgrade.ForceConflicts = options.GetForceConflicts()
	upgrade.ForceReplace = options.GetForceReplace()
	upgrade.TakeOwnership = options.GetTakeOwnership()
	upgrade.SkipCRDs = options.GetSkipCrds()
	upgrade.SkipSchemaValidation = options.GetSkipSchemaValidation()
	upgrade.ResetValues = request.GetValuesReuse() == enginev1.ValuesReuse_VALUES_REUSE_RESET
	upgrade.ReuseValues = request.GetValuesReuse() == enginev1.ValuesReuse_VALUES_REUSE_REUSE
	upgrade.ResetThenReuseValues = request.GetValuesReuse() == enginev1.ValuesReuse_VALUES_REUSE_RESET_THEN_REUSE
	upgrade.CleanupOnFail = request.GetCleanupOnFail()
	upgrade.MaxHistory = historyMax(options)
	upgrade.Description = options.GetDescription()
	upgrade.Labels = options.GetLabels()
	upgrade.DisableOpenAPIValidation = appliesServerSide(upgrade.ServerSideApply, current)
	return upgrade
}

func serverSide(choice enginev1.ServerSideApply) string {
	switch choice {
	case enginev1.ServerSideApply_SERVER_SIDE_APPLY_TRUE:
		return "true"
	case enginev1.ServerSideApply_SERVER_SIDE_APPLY_FALSE:
		return "false"
	default:
		return "auto"
	}
}

func appliesServerSide(choice string, current *release.Release) bool {
	return choice == "true" || choice == "auto" && current.ApplyMethod == string(release.ApplyMethodServerSideApply)
}
