package actions

import (
	"context"

	"berth.dev/engine/gen/enginev1"
)

// SearchCharts finds charts in a repository's index.
func (r *Runner) SearchCharts(ctx context.Context, request *enginev1.SearchChartsRequest) *enginev1.SearchChartsResponse {
	found, total, err := r.charts.Search(ctx, request)
	if err != nil {
		return &enginev1.SearchChartsResponse{Error: classify(err, nil).Proto()}
	}
	return &enginev1.SearchChartsResponse{Charts: found, Total: int32(total)}
}

// RefreshSource asks a source of charts what it has.
func (r *Runner) RefreshSource(ctx context.Context, request *enginev1.RefreshSourceRequest) *enginev1.RefreshSourceResponse {
	found, err := r.charts.Refresh(ctx, request)
	if err != nil {
		return &enginev1.RefreshSourceResponse{Error: classify(err, nil).Proto()}
	}
	return &enginev1.RefreshSourceResponse{Charts: int32(found.Charts), Digest: found.Digest}
}

// ListVersions lists the versions of a chart in a repository or registry.
func (r *Runner) ListVersions(ctx context.Context, request *enginev1.ListVersionsRequest) *enginev1.ListVersionsResponse {
	found, total, err := r.charts.Versions(ctx, request)
	if err != nil {
		return &enginev1.ListVersionsResponse{Error: classify(err, nil).Proto()}
	}
	return &enginev1.ListVersionsResponse{Versions: found, Total: int32(total)}
}

// ShowChart reads what is in a chart.
func (r *Runner) ShowChart(ctx context.Context, request *enginev1.ShowChartRequest) *enginev1.ShowChartResponse {
	shown, err := r.charts.Show(ctx, request)
	if err != nil {
		return &enginev1.ShowChartResponse{Error: classify(err, nil).Proto()}
	}
	return shown
}
