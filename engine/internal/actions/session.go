package actions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"k8s.io/apimachinery/pkg/util/version"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/cluster"
	"berth.dev/engine/internal/kubeclient"
	"berth.dev/engine/internal/problem"
	"berth.dev/engine/internal/progress"
	"berth.dev/engine/internal/store"
)

// session is one action: its two identities, its guard, and what it has seen.
type session struct {
	runner *Runner
	id     string
	target *enginev1.Target
	action *enginev1.ActionContext

	wait   context.Context
	cancel context.CancelFunc
	// asked tells that the cancellation was wanted; any other has interrupted the
	// action, and whoever takes it up goes on with it.
	asked  atomic.Bool
	hold   *cluster.Hold
	events *progress.Reporter

	known  *cluster.Known
	core   corev1.CoreV1Interface
	client *kubeclient.Client
	store  *store.Store
	config *action.Configuration

	testing bool
	// minAge is how long a release has to be without an ending before it is given
	// one; nil where whoever asks knows that nobody works on it.
	minAge *durationpb.Duration
	// made is the revision that a successful install has made.
	made   int
	digest string
	// provenance is stamped on each revision that is made.
	provenance map[string]string
	rendered   *enginev1.RenderResponse
}

func (r *Runner) open(target *enginev1.Target, act *enginev1.ActionContext, events *progress.Reporter) (*session, error) {
	return r.openTo(does{}, target, act, events)
}

// does says what a session is for.
type does struct {
	// through is a transport that all its requests go through; nil for none.
	through func(http.RoundTripper) http.RoundTripper
	// reads: there is no ending to be written, so its storage client is cancelled like the other.
	reads bool
}

// openTo opens a session for what it does.
func (r *Runner) openTo(what does, target *enginev1.Target, act *enginev1.ActionContext, events *progress.Reporter) (*session, error) {
	s := &session{runner: r, id: act.GetOperationId(), target: target, action: act, hold: &cluster.Hold{}, events: events}
	if act.GetHold().AsDuration() > 0 {
		s.hold.Extend(act.GetHold().AsDuration())
	}
	s.wait, s.cancel = context.WithCancel(context.Background())
	known, err := r.cache.Get(target.GetCluster(), target.GetApply())
	if err != nil {
		return nil, err
	}
	s.known = known
	observe := func(request *http.Request, response *http.Response) {
		if s.client != nil {
			s.client.Observe(request, response)
		}
	}
	guarded := func(guard func(http.RoundTripper) http.RoundTripper) func(http.RoundTripper) http.RoundTripper {
		if what.through == nil {
			return guard
		}
		return func(next http.RoundTripper) http.RoundTripper { return guard(what.through(next)) }
	}
	apply, err := cluster.Config(target.GetCluster(), target.GetApply(), guarded(cluster.Guard(s.wait, s.hold, observe)))
	if err != nil {
		return nil, err
	}
	keeping := context.Background()
	if what.reads {
		keeping = s.wait
	}
	keep, err := cluster.Config(target.GetCluster(), target.GetStorage(), guarded(cluster.Guard(keeping, s.hold, nil)))
	if err != nil {
		return nil, err
	}
	keep.Timeout = 30 * time.Second
	if s.core, err = corev1.NewForConfig(keep); err != nil {
		return nil, err
	}
	getter := &cluster.Getter{Known: known, Config: apply, Namespace: target.GetNamespace()}
	if s.client, err = kubeclient.New(s.wait, getter, events); err != nil {
		return nil, err
	}
	s.provenance = map[string]string{}
	maps.Copy(s.provenance, act.GetProvenance())
	if s.id != "" {
		s.provenance[store.OperationKey] = s.id
	}
	s.store = store.New(s.core, store.Options{
		Namespace: target.GetNamespace(), Kind: target.GetStorageDriver(), OperationID: s.id,
		Fence: act.GetFence(), Hold: s.hold, Provenance: s.provenance,
	})
	s.config = action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	s.config.RESTClientGetter = getter
	s.config.KubeClient = s.client
	s.config.Releases = s.store.Storage
	return s, nil
}

// interrupted is what a revision's description says whose action was ended by
// nobody's wish: the gateway reads it at a takeover.
const interrupted = "was interrupted"

// cancellation says what a cancelled action ended with.
func (s *session) cancellation() string {
	if s.asked.Load() {
		return "The operation was cancelled."
	}
	return "The operation " + interrupted + "."
}

// fieldValidation is the Kubernetes that validates fields itself (KEP-2885).
// Helm's client-side validation reads the OpenAPI document of each kind to find
// that out, and then validates nothing.
var fieldValidation = version.MustParseGeneric("1.27")

// learn gives the configuration the cluster's capabilities, so that Helm does not ask.
func (s *session) learn() error {
	capabilities, err := s.known.Capabilities()
	if err != nil {
		return err
	}
	s.config.Capabilities = capabilities
	found, err := version.ParseGeneric(capabilities.KubeVersion.Version)
	if err == nil && found.AtLeast(fieldValidation) {
		s.client.TrustServer()
	}
	return nil
}

// newest reads the newest stored revision; nil where none is stored.
func (s *session) newest() (*release.Release, error) {
	found, err := s.store.Last(s.target.GetRelease())
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rel, ok := found.(*release.Release)
	if !ok {
		return nil, fmt.Errorf("a stored release has the unknown type %T", found)
	}
	return rel, nil
}

// admit reads the newest revision and refuses what must not begin on it.
func (s *session) admit() (*release.Release, error) {
	rel, err := s.newest()
	if err != nil {
		return nil, err
	}
	if err := s.checkExpected(rel); err != nil {
		return nil, err
	}
	if rel != nil && isUnsettled(rel.Info.Status) {
		return nil, &problem.Error{
			Code:    "RELEASE_PENDING",
			Message: fmt.Sprintf("Revision %d of the release is %s.", rel.Version, rel.Info.Status),
		}
	}
	return rel, nil
}

// checkExpected refuses another newest revision than the caller has in mind.
func (s *session) checkExpected(rel *release.Release) error {
	have, want := 0, int(s.action.GetExpectedRevision())
	if rel != nil {
		have = rel.Version
	}
	if s.action.ExpectedRevision == nil || want == have {
		return nil
	}
	return &problem.Error{
		Code: "REVISION_STALE", Field: "expected_revision", Message: fmt.Sprintf("The newest revision is %d, not %d.", have, want),
	}
}

func isUnsettled(status common.Status) bool {
	return status.IsPending() || status == common.StatusUninstalling
}

func (s *session) waitStrategy(strategy enginev1.WaitStrategy) kube.WaitStrategy {
	switch strategy {
	case enginev1.WaitStrategy_WAIT_STRATEGY_WATCHER:
		return kube.StatusWatcherStrategy
	case enginev1.WaitStrategy_WAIT_STRATEGY_LEGACY:
		return kube.LegacyStrategy
	default:
		return kube.HookOnlyStrategy
	}
}

func notFound(target *enginev1.Target) error {
	return &problem.Error{
		Code: "RELEASE_NOT_FOUND", Field: "name",
		Message: fmt.Sprintf("There is no release %q in namespace %q.", target.GetRelease(), target.GetNamespace()),
	}
}
