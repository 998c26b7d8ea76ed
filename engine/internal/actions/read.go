package actions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"helm.sh/helm/v4/pkg/storage/driver"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
	"berth.dev/engine/internal/progress"
)

// defaultHistory is how many revisions a history answers, as Helm's.
const defaultHistory = 256

// revision reads a stored revision; 0 is the newest.
func (s *session) revision(number int32) (*release.Release, error) {
	if number == 0 {
		rel, err := s.newest()
		if err == nil && rel == nil {
			err = notFound(s.target)
		}
		return rel, err
	}
	found, err := s.store.Get(s.target.GetRelease(), int(number))
	if errors.Is(err, driver.ErrReleaseNotFound) {
		if rel, lastErr := s.newest(); lastErr == nil && rel == nil {
			return nil, notFound(s.target)
		}
		return nil, &problem.Error{Code: "REVISION_NOT_FOUND", Field: "revision", Message: fmt.Sprintf("The release has no revision %d.", number)}
	}
	rel, _ := found.(*release.Release)
	return rel, err
}

func (r *Runner) reading(ctx context.Context, target *enginev1.Target, read func(*session) error) *enginev1.ActionError {
	s, err := r.openTo(does{reads: true}, target, &enginev1.ActionContext{}, progress.New(nil))
	if err == nil {
		defer s.cancel()
		stop := context.AfterFunc(ctx, s.cancel)
		defer stop()
		err = read(s)
	}
	if err == nil {
		return nil
	}
	return classify(err, s).Proto()
}

// Get reads one stored revision completely.
func (r *Runner) Get(ctx context.Context, request *enginev1.GetRequest) *enginev1.GetResponse {
	response := &enginev1.GetResponse{}
	response.Error = r.reading(ctx, request.GetTarget(), func(s *session) error {
		rel, err := s.revision(request.GetRevision())
		if err != nil {
			return err
		}
		response.Release = toRelease(rel)
		response.Manifest, response.Notes, response.Hooks = rel.Manifest, rel.Info.Notes, toHooks(rel.Hooks)
		supplied := rel.Config
		if supplied == nil {
			supplied = map[string]any{}
		}
		computed, err := util.CoalesceValues(rel.Chart, supplied)
		if err != nil {
			return err
		}
		if response.ValuesJson, response.ValuesYaml, err = encode(supplied); err != nil {
			return err
		}
		if response.ComputedValuesJson, response.ComputedValuesYaml, err = encode(computed); err != nil {
			return err
		}
		return addChart(response, rel.Chart, request.GetWithChart())
	})
	return response
}

// addChart adds what a revision holds of its chart.
func addChart(response *enginev1.GetResponse, stored *chart.Chart, whole bool) error {
	if stored == nil {
		return nil
	}
	metadata, err := json.Marshal(stored.Metadata)
	if err != nil {
		return err
	}
	response.ChartMetadataJson = string(metadata)
	if !whole {
		return nil
	}
	response.Chart = &enginev1.StoredChart{Templates: toFiles(stored.Templates), Files: toFiles(stored.Files)}
	_, response.Chart.ValuesYaml, err = encode(stored.Values)
	return err
}

func toFiles(files []*common.File) []*enginev1.StoredFile {
	var stored []*enginev1.StoredFile
	for _, file := range files {
		stored = append(stored, &enginev1.StoredFile{Name: file.Name, Data: file.Data})
	}
	return stored
}

func encode(values map[string]any) (asJSON, asYAML string, err error) {
	text, err := json.Marshal(values)
	if err != nil {
		return "", "", err
	}
	lines, err := yaml.Marshal(values)
	return string(text), string(lines), err
}

// History reads the summaries of all stored revisions, newest first.
func (r *Runner) History(ctx context.Context, request *enginev1.HistoryRequest) *enginev1.HistoryResponse {
	response := &enginev1.HistoryResponse{}
	response.Error = r.reading(ctx, request.GetTarget(), func(s *session) error {
		found, err := s.store.History(s.target.GetRelease())
		if err != nil {
			if errors.Is(err, driver.ErrReleaseNotFound) {
				return notFound(s.target)
			}
			return err
		}
		var revisions []*release.Release
		for _, one := range found {
			if rel, ok := one.(*release.Release); ok {
				revisions = append(revisions, rel)
			}
		}
		releaseutil.Reverse(revisions, releaseutil.SortByRevision)
		limit := int(request.GetMax())
		if limit <= 0 {
			limit = defaultHistory
		}
		for _, rel := range revisions[:min(limit, len(revisions))] {
			response.Revisions = append(response.Revisions, toRelease(rel))
		}
		return nil
	})
	return response
}

// Status reads the live state of a revision's objects.
func (r *Runner) Status(ctx context.Context, request *enginev1.StatusRequest) *enginev1.StatusResponse {
	response := &enginev1.StatusResponse{}
	response.Error = r.reading(ctx, request.GetTarget(), func(s *session) error {
		rel, err := s.revision(request.GetRevision())
		if err != nil {
			return err
		}
		response.Release = toRelease(rel)
		resources, err := s.client.Build(strings.NewReader(rel.Manifest), false)
		if err != nil {
			return err
		}
		for _, info := range resources {
			response.Objects = append(response.Objects, s.client.Status(s.wait, info))
		}
		return nil
	})
	return response
}
