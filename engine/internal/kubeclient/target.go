package kubeclient

import (
	"context"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/engine"
	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/event"
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/cli-runtime/pkg/resource"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/watches"
)

// target is one object that is waited for.
type target struct {
	info     *resource.Info
	key      watches.Key
	selector labels.Selector
	seen     *event.ResourceStatus
	told     *enginev1.ObjectStatus
	// Of whom warnings were asked for, when (or since when it is not explained), and the last one.
	subject types.UID
	asked   time.Time
	warning string
}

func newTarget(info *resource.Info) *target {
	made := &target{info: info, key: watches.Key{Resource: info.Mapping.Resource}, selector: selectorOf(info.Object)}
	if info.Namespaced() {
		made.key.Namespace = info.Namespace
	}
	return made
}

// isReady tells whether the API server's own answer to what was applied says
// that the object is ready: then nothing has to be watched.
func (t *target) isReady(ctx context.Context, reader engine.StatusReader) bool {
	if t.info.ResourceVersion == "" {
		return false
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(t.info.Object)
	if err != nil {
		return false
	}
	answered := &unstructured.Unstructured{Object: object}
	answered.SetGroupVersionKind(t.info.Mapping.GroupVersionKind)
	found, err := reader.ReadStatusForObject(ctx, &view{}, answered)
	return err == nil && found.Status == status.CurrentStatus
}

// look computes the object's status as it is now.
func (t *target) look(ctx context.Context, view *view, reader engine.StatusReader, desired status.Status) {
	object, known := view.object(ctx, t.key, t.info.Name)
	switch {
	case !known, object == nil && desired == status.CurrentStatus && t.seen == nil, object != nil && t.isOlder(object):
		// Nobody can tell yet, or the watch has still to see what was applied.
		return
	case object == nil && desired == status.NotFoundStatus && view.isThere(ctx, t.key, t.info.Name):
		// The watch has not seen it yet.
		t.seen = &event.ResourceStatus{Status: status.TerminatingStatus, Message: "Resource exists"}
	case object == nil:
		t.seen = &event.ResourceStatus{Status: status.NotFoundStatus, Message: "Resource not found"}
	case desired == status.NotFoundStatus:
		t.seen = &event.ResourceStatus{Status: status.TerminatingStatus, Message: "Resource exists", Resource: object}
	default:
		found, err := reader.ReadStatusForObject(ctx, view, object)
		if err != nil {
			found = &event.ResourceStatus{Status: status.UnknownStatus, Message: err.Error(), Resource: object}
		}
		t.seen = found
	}
}

// isOlder tells whether an object is from before it was applied: another one of
// the same name, or an earlier version.
func (t *target) isOlder(object *unstructured.Unstructured) bool {
	if t.info.ResourceVersion == "" {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(object.GetResourceVersion(), t.info.ResourceVersion)
	return err == nil && order < 0
}

func (t *target) status() status.Status {
	if t.seen == nil {
		return status.UnknownStatus
	}
	return t.seen.Status
}

func (t *target) message() string {
	if t.seen == nil {
		return "The cluster has not said yet how it is."
	}
	return t.seen.Message
}

// name is how Helm names an object in its errors.
func (t *target) name() string {
	return t.info.Mapping.GroupVersionKind.Kind + "/" + t.info.Namespace + "/" + t.info.Name
}

// describe says how the object is, and where it is not ready why. Warnings are
// asked for now and then: allowed says whether this may be done once more.
func (t *target) describe(ctx context.Context, c *Client, view *view, allowed bool) (answer *enginev1.ObjectStatus, asked bool) {
	answer = &enginev1.ObjectStatus{Object: reference(t.info), Status: t.seen.Status.String(), Reason: t.seen.Message}
	if object := t.seen.Resource; t.seen.Status != status.CurrentStatus && object != nil {
		pods := view.podsOf(ctx, t)
		if known := knownCause(object, pods); known != "" {
			answer.Reason = strings.TrimSpace(answer.Reason + " " + known)
		}
		subject := unexplained(object, pods)
		if subject != t.subject {
			t.subject, t.warning, t.asked = subject, "", time.Now()
		}
		if subject != "" && allowed && time.Since(t.asked) >= warnEvery {
			asked, t.asked = true, time.Now()
			t.warning = c.lastWarning(ctx, object.GetNamespace(), subject)
		}
		addWarning(answer, t.warning)
	}
	answer.Reason = bound(answer.Reason)
	return answer, asked
}
