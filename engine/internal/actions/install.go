package actions

import (
	"context"
	"fmt"
	"slices"
	"time"

	"helm.sh/helm/v4/pkg/action"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/charts"
	"berth.dev/engine/internal/problem"
	"berth.dev/engine/internal/values"
)

// defaultTimeout is Helm's for a single wait.
const defaultTimeout = 5 * time.Minute

// Install installs a chart as a new release.
func (r *Runner) Install(ctx context.Context, request *enginev1.InstallRequest, emit Emit) *enginev1.ActionResult {
	return r.act(ctx, request.GetTarget(), request.GetContext(), emit, func(s *session) error {
		loaded, vals, err := s.load(request.GetChart(), request.GetValues())
		if err != nil {
			return err
		}
		return s.install(ctx, request, loaded, vals)
	})
}

// load fetches the chart, merges the values and learns the cluster's capabilities.
func (s *session) load(reference *enginev1.ChartReference, given *enginev1.Values) (*charts.Loaded, map[string]any, error) {
	loaded, vals, err := s.loadOnly(reference, given)
	if err != nil {
		return nil, nil, err
	}
	return loaded, vals, s.learn()
}

func (s *session) loadOnly(reference *enginev1.ChartReference, given *enginev1.Values) (*charts.Loaded, map[string]any, error) {
	vals, err := values.Parse(given)
	if err != nil {
		return nil, nil, err
	}
	s.events.Phase(enginev1.Phase_PHASE_FETCHING)
	// A cancelled action waits for no repository.
	loaded, err := s.runner.charts.Load(s.wait, reference)
	if err != nil {
		return nil, nil, err
	}
	s.digest = loaded.Digest
	s.provenance["chart-digest"] = loaded.Digest
	if slices.Contains(s.runner.options.RefusedCharts, loaded.Digest) {
		return nil, nil, &problem.Error{
			Code: "RENDER_TIMEOUT", Field: "chart", Message: "Rendering this chart did not end before; it is refused.",
			Details: map[string]string{"digest": loaded.Digest},
		}
	}
	return loaded, vals, nil
}

func (s *session) install(ctx context.Context, request *enginev1.InstallRequest, loaded *charts.Loaded, vals map[string]any) error {
	rel, err := s.admit()
	if err != nil {
		return err
	}
	if err := checkFree(request, rel); err != nil {
		return err
	}
	made, err := loaded.Chart()
	if err != nil {
		return err
	}
	if err := s.checkNamespace(ctx, made, request.GetCreateNamespace()); err != nil {
		return err
	}
	if request.GetOptions().GetDryRun() || touchesBeforeStoring(request, made) {
		preview, err := s.previewInstall(request, loaded, vals)
		if err != nil {
			return err
		}
		if request.GetOptions().GetDryRun() {
			s.rendered = toRendered(preview)
			return nil
		}
	}
	return s.runInstall(request, made, vals)
}

// checkFree refuses an install over a release that is there.
func checkFree(request *enginev1.InstallRequest, rel *release.Release) error {
	if rel == nil || request.GetReplace() && (rel.Info.Status == common.StatusUninstalled || rel.Info.Status == common.StatusFailed) {
		return nil
	}
	return &problem.Error{
		Code: "RELEASE_EXISTS", Field: "name",
		Message: fmt.Sprintf("Release %q exists in namespace %q: revision %d is %s.", rel.Name, rel.Namespace, rel.Version, rel.Info.Status),
	}
}

// touchesBeforeStoring tells whether Helm changes something before the release
// is rendered and its record stored, where all that can be refused is refused.
func touchesBeforeStoring(request *enginev1.InstallRequest, made *chart.Chart) bool {
	return request.GetCreateNamespace() || request.GetReplace() || len(made.CRDObjects()) > 0
}

func (s *session) runInstall(request *enginev1.InstallRequest, made *chart.Chart, vals map[string]any) error {
	install := newInstall(s.config, request, s)
	if install.ServerSideApply {
		s.client.TrustServer()
	}
	if touchesBeforeStoring(request, made) {
		if request.GetOptions().GetUpgradeCrds() && !install.SkipCRDs {
			if err := s.upgradeCrds(made, request.GetOptions()); err != nil {
				return err
			}
			install.SkipCRDs = true
		}
		if len(made.CRDObjects()) > 0 && !install.SkipCRDs {
			s.events.Phase(enginev1.Phase_PHASE_CRDS)
			defer s.known.Forget()
		}
		s.events.Phase(enginev1.Phase_PHASE_APPLYING)
	} else {
		s.events.Phase(enginev1.Phase_PHASE_RENDERING)
		rendered := s.limitRender(s.digest)
		defer rendered()
		s.client.Inspect(func(manifest string) error {
			rendered()
			s.events.Phase(enginev1.Phase_PHASE_APPLYING)
			return s.checkManifest(manifest, nil)
		})
	}
	ended, err := install.RunWithContext(context.Background(), made, vals)
	if rel, ok := ended.(*release.Release); ok && err == nil {
		s.made = rel.Version
	}
	return err
}

func newInstall(config *action.Configuration, request *enginev1.InstallRequest, s *session) *action.Install {
	options := request.GetOptions()
	install := action.NewInstall(config)
	install.ReleaseName = request.GetTarget().GetRelease()
	install.Namespace = request.GetTarget().GetNamespace()
	install.CreateNamespace = request.GetCreateNamespace()
	install.Replace = request.GetReplace()
	install.WaitStrategy = s.waitStrategy(options.GetWait())
	install.WaitForJobs = options.GetWaitForJobs()
	install.Timeout = timeout(options)
	install.DisableHooks = options.GetDisableHooks()
	install.ServerSideApply = options.GetServerSideApply() != enginev1.ServerSideApply_SERVER_SIDE_APPLY_FALSE
	install.ForceConflicts = options.GetForceConflicts()
	install.ForceReplace = options.GetForceReplace()
	install.TakeOwnership = options.GetTakeOwnership()
	install.SkipCRDs = options.GetSkipCrds()
	install.SkipSchemaValidation = options.GetSkipSchemaValidation()
	install.Description = options.GetDescription()
	install.Labels = options.GetLabels()
	// The server validates what is applied server-side, strictly.
	install.DisableOpenAPIValidation = install.ServerSideApply
	return install
}

func timeout(options *enginev1.ActionOptions) time.Duration {
	if given := options.GetTimeout().AsDuration(); given > 0 {
		return given
	}
	return defaultTimeout
}

func historyMax(options *enginev1.ActionOptions) int {
	switch given := int(options.GetHistoryMax()); {
	case given == 0:
		return 10
	case given < 0:
		return 0
	default:
		return given
	}
}

// checkNamespace refuses a missing namespace before a CRD is installed; without
// CRDs the first write, that of the record, says it.
func (s *session) checkNamespace(ctx context.Context, made *chart.Chart, create bool) error {
	if create || len(made.CRDObjects()) == 0 {
		return nil
	}
	return s.namespaceExists(ctx)
}
