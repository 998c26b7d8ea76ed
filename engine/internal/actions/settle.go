package actions

import (
	"context"
	"fmt"
	"strings"
	"time"

	release "helm.sh/helm/v4/pkg/release/v1"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
	"berth.dev/engine/internal/progress"
)

// Settle writes the true ending of a revision whose action is no longer running.
func (r *Runner) Settle(ctx context.Context, request *enginev1.SettleRequest) *enginev1.SettleResponse {
	response := &enginev1.SettleResponse{}
	if r.isRunning(request.GetTarget()) {
		response.Error = problem.New("RELEASE_PENDING", "An action of this engine still runs on the release.").Proto()
		return response
	}
	s, err := r.open(request.GetTarget(), request.GetContext(), progress.New(nil))
	if err != nil {
		response.Error = classify(err, nil).Proto()
		return response
	}
	defer s.cancel()
	s.minAge = request.GetMinAge()
	// Also one that somebody has written over since: it has no ending all the same.
	s.made = int(request.GetRevision())
	rel, err := s.settle(ctx, request.GetCause())
	if err == nil && s.minAge != nil && !s.store.Wrote() {
		err = s.nothingStuck(rel, request.GetCause())
	}
	if err != nil {
		response.Error = classify(err, s).Proto()
		return response
	}
	response.Changed = s.store.Wrote()
	if rel != nil {
		response.Release = toRelease(rel)
		response.ResourceVersion = s.store.ResourceVersion(recordName(rel))
	}
	return response
}

// checkStuck refuses to unlock what somebody may still be at work on.
func (s *session) checkStuck(rel *release.Release) error {
	if s.minAge == nil {
		return nil
	}
	if err := s.checkExpected(rel); err != nil {
		return err
	}
	age := time.Since(s.store.Changed(recordName(rel)))
	if age >= s.minAge.AsDuration() {
		return nil
	}
	return problem.New("RELEASE_NOT_STUCK", fmt.Sprintf(
		"Revision %d of the release is %s and was written %s ago; it counts as stuck after %s.",
		rel.Version, rel.Info.Status, max(0, age).Round(time.Second), s.minAge.AsDuration()))
}

// nothingStuck is the error of an unlocking that has found nothing to do; nil
// where it is done, by a write whose answer was lost.
func (s *session) nothingStuck(rel *release.Release, cause string) error {
	if rel == nil {
		return notFound(s.target)
	}
	if strings.Contains(rel.Info.Description, cause) {
		return nil
	}
	return problem.New("RELEASE_NOT_STUCK", fmt.Sprintf("Revision %d of the release is %s.", rel.Version, rel.Info.Status))
}
