package actions

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"helm.sh/helm/v4/pkg/action"
	ri "helm.sh/helm/v4/pkg/release"
	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/charts"
	"berth.dev/engine/internal/cluster"
	"berth.dev/engine/internal/problem"
	"berth.dev/engine/internal/progress"
)

// Plan says what an install or upgrade would change. Every mutation it sends
// goes through a transport that makes a dry run of it.
func (r *Runner) Plan(ctx context.Context, request *enginev1.PlanRequest) *enginev1.PlanResponse {
	response, err := r.plan(ctx, request)
	if err != nil {
		return &enginev1.PlanResponse{Error: classify(err, nil).Proto()}
	}
	return response
}

func (r *Runner) plan(ctx context.Context, request *enginev1.PlanRequest) (*enginev1.PlanResponse, error) {
	target, act := request.GetUpgrade().GetTarget(), request.GetUpgrade().GetContext()
	if request.GetInstall() != nil {
		target, act = request.GetInstall().GetTarget(), request.GetInstall().GetContext()
	}
	s, err := r.openTo(does{through: cluster.DryRun, reads: true}, target, act, progress.New(nil))
	if err != nil {
		return nil, err
	}
	defer s.cancel()
	defer context.AfterFunc(ctx, s.cancel)()
	// Whatever is refused, each object says it, not the first the whole.
	s.client.TrustServer()
	current, err := s.admit()
	if err != nil {
		return nil, err
	}
	install, err := planned(request, current)
	if err != nil {
		return nil, err
	}
	plan := &plan{session: s, current: current, install: install}
	if install == nil {
		if err := s.checkManaged(current, request.GetUpgrade().GetOptions()); err != nil {
			return nil, err
		}
		plan.upgrade = request.GetUpgrade()
		return plan.make(ctx, plan.upgrade.GetChart(), plan.upgrade.GetValues())
	}
	return plan.make(ctx, install.GetChart(), install.GetValues())
}

// planned gives the install that is planned; nil where it is an upgrade.
func planned(request *enginev1.PlanRequest, current *release.Release) (*enginev1.InstallRequest, error) {
	missing := current == nil || current.Info.Status == common.StatusUninstalled
	if upgrade := request.GetUpgrade(); upgrade != nil {
		switch {
		case !missing:
			return nil, nil
		case !upgrade.GetInstallIfMissing():
			return nil, notFound(upgrade.GetTarget())
		}
		return asInstall(upgrade, current), nil
	}
	install := request.GetInstall()
	if install == nil {
		return nil, problem.New("INVALID_ARGUMENT", "There is nothing to plan.")
	}
	return install, checkFree(install, current)
}

// plan is what is known while a plan is made.
type plan struct {
	*session
	current *release.Release
	install *enginev1.InstallRequest
	upgrade *enginev1.UpgradeRequest
	// blind: the namespace is yet to be made.
	blind bool
}

func (p *plan) make(ctx context.Context, reference *enginev1.ChartReference, given *enginev1.Values) (*enginev1.PlanResponse, error) {
	loaded, vals, err := p.load(reference, given)
	if err != nil {
		return nil, err
	}
	rel, err := p.rendered(loaded, vals)
	if err != nil {
		return nil, err
	}
	if err := p.checkCurrent(rel); err != nil {
		return nil, err
	}
	size, err := EncodedSize(rel)
	if err != nil {
		return nil, err
	}
	metadata := rel.Chart.Metadata
	response := &enginev1.PlanResponse{
		ChartDigest: p.digest, ChartName: metadata.Name, ChartVersion: metadata.Version, AppVersion: metadata.AppVersion,
		IsInstall: p.install != nil, EncodedSize: int64(size), PlannedValuesYaml: valuesText(rel),
	}
	if p.current != nil {
		response.Revision = int32(p.current.Version)
		response.CurrentValuesYaml = valuesText(p.current)
	}
	if response.Crds, err = p.crds(ctx, rel.Chart); err != nil {
		return nil, err
	}
	// Without its namespace the API server can say nothing of an object.
	p.blind = p.install.GetCreateNamespace() && p.namespaceExists(ctx) != nil
	if response.Objects, err = p.objects(rel, own(rel.Chart)); err != nil {
		return nil, err
	}
	response.Hooks = p.hooks(p.running(rel.Hooks))
	return response, p.wait.Err()
}

// checkCurrent refuses what Helm's upgrade would: it goes on from all that the
// present manifest has, and finds no object of an API that is not served.
func (p *plan) checkCurrent(rel *release.Release) error {
	if p.install != nil {
		return nil
	}
	var brought map[schema.GroupKind]bool
	if p.options().GetUpgradeCrds() {
		brought = own(rel.Chart)
	}
	return p.checkManifest(p.current.Manifest, brought)
}

// rendered renders the release as it would be stored.
func (p *plan) rendered(loaded *charts.Loaded, vals map[string]any) (*release.Release, error) {
	made, err := loaded.Chart()
	if err != nil {
		return nil, err
	}
	config := p.previewConfig()
	if p.install != nil {
		config.Releases = storage.Init(driver.NewMemory())
		install := newInstall(config, p.install, p.session)
		install.DryRunStrategy, install.CreateNamespace = action.DryRunServer, false
		return p.previewUnchecked(loaded.Digest, func() (ri.Releaser, error) { return install.RunWithContext(p.wait, made, vals) })
	}
	upgrade := p.newUpgrade(config, p.upgrade, p.current)
	upgrade.DryRunStrategy = action.DryRunServer
	return p.previewUnchecked(loaded.Digest, func() (ri.Releaser, error) {
		return upgrade.RunWithContext(p.wait, p.target.GetRelease(), made, vals)
	})
}

// running are the hooks that the verb runs.
func (p *plan) running(all []*release.Hook) []*release.Hook {
	before, after := release.HookPreUpgrade, release.HookPostUpgrade
	if p.install != nil {
		before, after = release.HookPreInstall, release.HookPostInstall
	}
	if p.options().GetDisableHooks() {
		return nil
	}
	var running []*release.Hook
	for _, event := range []release.HookEvent{before, after} {
		for _, hook := range all {
			for _, one := range hook.Events {
				if one == event {
					running = append(running, hook)
				}
			}
		}
	}
	return running
}

func (p *plan) options() *enginev1.ActionOptions {
	if p.install != nil {
		return p.install.GetOptions()
	}
	return p.upgrade.GetOptions()
}

// serverSide tells whether objects are applied server-side, as Helm decides it.
func (p *plan) serverSide() bool {
	if p.install != nil {
		return newInstall(p.config, p.install, p.session).ServerSideApply
	}
	return appliesServerSide(serverSide(p.upgrade.GetOptions().GetServerSideApply()), p.current)
}

func valuesText(rel *release.Release) string {
	text, err := yaml.Marshal(rel.Config)
	// Helm 3 stores none as null.
	if err != nil || len(rel.Config) == 0 {
		return ""
	}
	return string(text)
}
