package store

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	release "helm.sh/helm/v4/pkg/release"
	v1 "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
)

// AnnotationPrefix is before each key of provenance in a chart's annotations.
const AnnotationPrefix = "berth.dev/"

// Keys of provenance that tell whether it is that of a revision: Helm's command
// line copies labels, and with a rollback the chart as well.
const (
	OperationKey = "operation"
	revisionKey  = "revision"
)

// OfChart are the keys of provenance that are true of a chart wherever it goes.
var OfChart = []string{"chart-source", "chart-digest"}

// stamping puts provenance on each revision when it is made.
type stamping struct {
	driver.Driver
	provenance map[string]string
	// missing tells that the release was looked for a moment ago and is not
	// there: Helm's own look, right before it makes the first revision, is
	// answered so. Should somebody have made one meanwhile, the create fails.
	missing bool
}

// Query finds revisions by their labels.
func (s *stamping) Query(labels map[string]string) ([]release.Releaser, error) {
	// A release without a deployed revision is there all the same.
	if _, narrow := labels["status"]; narrow {
		return s.Driver.Query(labels)
	}
	if s.missing {
		s.missing = false
		return nil, driver.ErrReleaseNotFound
	}
	found, err := s.Driver.Query(labels)
	s.missing = errors.Is(err, driver.ErrReleaseNotFound)
	return found, err
}

// Create stamps and stores a new revision.
func (s *stamping) Create(key string, made release.Releaser) error {
	s.missing = false
	if rel, ok := made.(*v1.Release); ok {
		Stamp(rel, s.provenance)
	}
	return s.Driver.Create(key, made)
}

// Stamp puts provenance on a revision's chart, in place of what stands there: a
// chart cannot bring its own. The chart is copied: a rollback shares it with the
// revision it goes back to.
func Stamp(rel *v1.Release, provenance map[string]string) {
	if rel.Chart == nil || rel.Chart.Metadata == nil || len(provenance) == 0 {
		return
	}
	copied, metadata := *rel.Chart, *rel.Chart.Metadata
	metadata.Annotations = maps.Clone(metadata.Annotations)
	if metadata.Annotations == nil {
		metadata.Annotations = map[string]string{}
	}
	maps.DeleteFunc(metadata.Annotations, func(key, _ string) bool { return strings.HasPrefix(key, AnnotationPrefix) })
	metadata.Annotations[AnnotationPrefix+revisionKey] = strconv.Itoa(rel.Version)
	for key, value := range provenance {
		metadata.Annotations[AnnotationPrefix+key] = value
	}
	copied.Metadata = &metadata
	rel.Chart = &copied
}

// Provenance gives the operation that has made a revision and what it has
// stamped on it: of one that was copied what is true of its chart, of one that
// Berth did not make nothing.
func Provenance(rel *v1.Release) (operation string, stamped map[string]string) {
	stamped = map[string]string{}
	if rel.Chart == nil || rel.Chart.Metadata == nil {
		return "", stamped
	}
	for key, value := range rel.Chart.Metadata.Annotations {
		if name, own := strings.CutPrefix(key, AnnotationPrefix); own {
			stamped[name] = value
		}
	}
	operation = rel.Labels[OperationLabel]
	if operation == "" || stamped[OperationKey] != operation {
		return "", map[string]string{}
	}
	if stamped[revisionKey] != strconv.Itoa(rel.Version) {
		operation = ""
		maps.DeleteFunc(stamped, func(key, _ string) bool { return !slices.Contains(OfChart, key) })
	}
	delete(stamped, revisionKey)
	return operation, stamped
}
