package actions

import (
	"context"

	"helm.sh/helm/v4/pkg/action"

	"berth.dev/engine/gen/enginev1"
)

// Test runs the test hooks of the newest revision.
func (r *Runner) Test(ctx context.Context, request *enginev1.TestRequest, emit Emit) *enginev1.ActionResult {
	return r.act(ctx, request.GetTarget(), request.GetContext(), emit, func(s *session) error {
		rel, err := s.admit()
		if err != nil {
			return err
		}
		if rel == nil {
			return notFound(s.target)
		}
		if request.GetDryRun() {
			return nil
		}
		if err := s.learn(); err != nil {
			return err
		}
		s.testing = true
		if appliesServerSide("auto", rel) {
			s.client.TrustServer()
		}
		test := action.NewReleaseTesting(s.config)
		test.Namespace = s.target.GetNamespace()
		test.Timeout = defaultTimeout
		if given := request.GetTimeout().AsDuration(); given > 0 {
			test.Timeout = given
		}
		if names := request.GetNames(); len(names) > 0 {
			test.Filters[action.IncludeNameFilter] = names
		}
		_, shutdown, err := test.Run(s.target.GetRelease())
		if ended := shutdown(); err == nil {
			err = ended
		}
		return err
	})
}
