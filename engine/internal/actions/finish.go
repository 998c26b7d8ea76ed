package actions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

const (
	// settleTime bounds how long an action tries to store its ending while the
	// API server is away; the gateway goes on with Settle after it.
	settleTime = 20 * time.Second
	// settleRetry is between two tries.
	settleRetry = 500 * time.Millisecond
	// maxDescription bounds what of an error goes into a release's description.
	maxDescription = 512
)

// finish reads back what is stored, writes the ending that Helm has left out,
// and says how the action ended.
func (s *session) finish(cause error) *enginev1.ActionResult {
	result := &enginev1.ActionResult{
		ChartDigest: s.digest, Rendered: s.rendered, Changed: s.store.Wrote() || s.client.Changed(),
	}
	if cause != nil {
		result.Error = classify(cause, s).Proto()
	}
	if !result.Changed && cause != nil {
		return result
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	rel, err := s.settle(ctx, describe(result.GetError()))
	if rel != nil {
		result.Release = toRelease(rel)
		result.ResourceVersion = s.store.ResourceVersion(recordName(rel))
	}
	if err != nil && result.Error == nil {
		result.Error = classify(err, s).Proto()
	}
	if result.Error == nil && rel != nil && rel.Info.Status == common.StatusFailed && result.Rendered == nil {
		result.Error = problem.New("INTERNAL", "The release ended as failed: "+rel.Info.Description).Proto()
	}
	return result
}

// settle reads the newest revision and, where it has no ending, writes one. It
// tries until ctx ends.
func (s *session) settle(ctx context.Context, cause string) (*release.Release, error) {
	for {
		rel, err := s.settleOnce(cause)
		if err == nil || isFinal(err) {
			return rel, err
		}
		select {
		case <-ctx.Done():
			return rel, err
		case <-time.After(settleRetry):
		}
	}
}

func (s *session) settleOnce(cause string) (*release.Release, error) {
	rel, err := s.readBack()
	if err != nil || rel == nil || !isUnsettled(rel.Info.Status) {
		return s.confess(rel), err
	}
	if err := s.checkStuck(rel); err != nil {
		return rel, err
	}
	s.events.Phase(enginev1.Phase_PHASE_SETTLING)
	for _, hook := range rel.Hooks {
		if hook.LastRun.Phase == release.HookPhaseRunning {
			hook.LastRun.Phase = release.HookPhaseUnknown
			hook.LastRun.CompletedAt = time.Now()
		}
	}
	rel.SetStatus(common.StatusFailed, fmt.Sprintf("%s ended without success: %s", verbOf(rel.Info.Status), cause))
	// A release that is not deleted after all has no time of deletion.
	rel.Info.Deleted = time.Time{}
	return rel, s.store.Update(rel)
}

// confess says in a failed revision of an interrupted action that it was that:
// Helm has written what it saw.
func (s *session) confess(rel *release.Release) *release.Release {
	isOwn := s.wait.Err() != nil && !s.asked.Load() && s.store.Wrote()
	if rel == nil || !isOwn || rel.Info.Status != common.StatusFailed || strings.Contains(rel.Info.Description, interrupted) {
		return rel
	}
	rel.Info.Description += " (it " + interrupted + ")"
	if err := s.store.Update(rel); err != nil {
		s.runner.options.Log.Warn("a revision does not say that it was interrupted", "operation", s.id, "error", err)
	}
	return rel
}

// readBack reads what is stored of what the action has made; where it has not said which revision
// that is, the newest one.
func (s *session) readBack() (*release.Release, error) {
	if s.made == 0 {
		return s.newest()
	}
	s.store.Recall()
	found, err := s.store.Get(s.target.GetRelease(), s.made)
	if err != nil {
		return nil, err
	}
	rel, _ := found.(*release.Release)
	return rel, nil
}

// final are the codes of refusals that no repetition mends.
var final = []string{"FENCED", "RELEASE_TOO_LARGE", "RELEASE_NOT_STUCK"}

// isFinal tells that no repetition can store the ending.
func isFinal(err error) bool {
	ours, ok := problem.As(err)
	return ok && (slices.Contains(final, ours.Code) || ours.Field == "expected_revision") || errors.Is(err, errHoldLost)
}

func verbOf(status common.Status) string {
	switch status {
	case common.StatusPendingInstall:
		return "Install"
	case common.StatusPendingUpgrade:
		return "Upgrade"
	case common.StatusPendingRollback:
		return "Rollback"
	default:
		return "Uninstall"
	}
}

func describe(failure *enginev1.ActionError) string {
	text := failure.GetMessage()
	if text == "" {
		text = "the action ended without a word"
	}
	if reason := failure.GetReason(); reason != "" {
		text += " (" + reason + ")"
	}
	if len(text) > maxDescription {
		text = text[:maxDescription]
	}
	return text
}
