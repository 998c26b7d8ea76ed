package actions

import (
	"context"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	ri "helm.sh/helm/v4/pkg/release"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/progress"
)

// Render renders a chart without changing anything: with the cluster's eyes, or
// as `helm template`, which asks no cluster.
func (r *Runner) Render(ctx context.Context, request *enginev1.RenderRequest) *enginev1.RenderResponse {
	response, err := r.render(ctx, request)
	if err != nil {
		return &enginev1.RenderResponse{Error: classify(err, nil).Proto()}
	}
	return response
}

func (r *Runner) render(ctx context.Context, request *enginev1.RenderRequest) (*enginev1.RenderResponse, error) {
	s, err := r.openTo(does{reads: true}, request.GetTarget(), request.GetContext(), progress.New(nil))
	if err != nil {
		return nil, err
	}
	defer s.cancel()
	defer context.AfterFunc(ctx, s.cancel)()
	install := &enginev1.InstallRequest{Target: request.GetTarget(), Context: request.GetContext(), Options: request.GetOptions()}
	if request.GetServer() {
		loaded, vals, err := s.load(request.GetChart(), request.GetValues())
		if err != nil {
			return nil, err
		}
		rel, err := s.previewInstall(install, loaded, vals)
		if err != nil {
			return nil, err
		}
		return withDigest(toRendered(rel), s.digest), nil
	}
	s.config.Capabilities = common.DefaultCapabilities.Copy()
	loaded, vals, err := s.loadOnly(request.GetChart(), request.GetValues())
	if err != nil {
		return nil, err
	}
	made, err := loaded.Chart()
	if err != nil {
		return nil, err
	}
	template := newInstall(s.config, install, s)
	template.DryRunStrategy = action.DryRunClient
	template.Replace = true
	template.IncludeCRDs = request.GetIncludeCrds()
	template.IsUpgrade = request.GetIsUpgrade()
	template.APIVersions = request.GetApiVersions()
	if request.GetKubeVersion() != "" {
		if template.KubeVersion, err = common.ParseKubeVersion(request.GetKubeVersion()); err != nil {
			return nil, err
		}
	}
	rel, err := s.previewUnchecked(loaded.Digest, func() (ri.Releaser, error) {
		return template.RunWithContext(s.wait, made, vals)
	})
	if err != nil {
		return nil, err
	}
	return withDigest(toRendered(rel), s.digest), nil
}

func withDigest(response *enginev1.RenderResponse, digest string) *enginev1.RenderResponse {
	response.ChartDigest = digest
	return response
}
