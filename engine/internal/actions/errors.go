package actions

import (
	"context"
	"errors"
	"net"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"helm.sh/helm/v4/pkg/storage/driver"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/cluster"
	"berth.dev/engine/internal/kubeclient"
	"berth.dev/engine/internal/problem"
)

// maxMessage bounds what of Helm's or the cluster's words goes into a message.
const maxMessage = 4096

var errHoldLost = cluster.ErrHoldLost

// classify makes a problem out of whatever ended an action. What the session has
// seen says more than Helm's text: the object that was waited for, the write
// that was refused.
func classify(err error, s *session) *problem.Error {
	if s != nil {
		if refusal := s.store.Refusal(); refusal != nil {
			err = refusal
		} else if s.wait.Err() != nil {
			return &problem.Error{Code: "CANCELLED", Message: s.cancellation(), Cause: err}
		} else if failure := s.client.Failure(); failure != nil {
			return atObject(failure, s)
		}
	}
	if ours, ok := problem.As(err); ok {
		return ours
	}
	if code := codeOf(err); code != "" {
		return withStatus(&problem.Error{Code: code, Message: bounded(err.Error()), Field: fieldOf(code), Cause: err})
	}
	return &problem.Error{Code: codeOfText(err.Error()), Message: bounded(err.Error()), Field: fieldOf(codeOfText(err.Error())), Cause: err}
}

func atObject(failure *kubeclient.Failure, s *session) *problem.Error {
	object, err := failure.Object, failure.Err
	made := &problem.Error{Code: "WAIT_TIMEOUT", Object: object, Reason: failure.Reason, Cause: err}
	made.Message = "An object did not become ready: "
	if failure.Hook {
		made.Code, made.Message = "HOOK_FAILED", "A hook failed: "
		if s.testing {
			made.Code, made.Message = "TEST_FAILED", "A test failed: "
		}
	}
	if failure.Unreachable {
		made.Code = "CLUSTER_UNREACHABLE"
	}
	if object != nil {
		made.Message += object.GetKind() + " " + object.GetName() + ". "
	}
	made.Message = bounded(made.Message + firstLine(err))
	return made
}

// codeOf finds the code by an error's type; empty where the type says nothing.
func codeOf(err error) string {
	var network net.Error
	switch {
	case errors.Is(err, cluster.ErrCancelled):
		return "CANCELLED"
	case errors.Is(err, cluster.ErrHoldLost):
		return "HOLD_LOST"
	case errors.Is(err, driver.ErrReleaseNotFound), errors.Is(err, driver.ErrNoDeployedReleases):
		return "RELEASE_NOT_FOUND"
	case errors.Is(err, driver.ErrReleaseExists):
		return "RELEASE_EXISTS"
	case isMissing(err) && strings.Contains(err.Error(), "namespaces "):
		return "NAMESPACE_NOT_FOUND"
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "being terminated"):
		return "NAMESPACE_NOT_FOUND"
	case apierrors.IsForbidden(err):
		return "FORBIDDEN"
	case apierrors.IsUnauthorized(err):
		return "UNAUTHENTICATED"
	case apierrors.IsConflict(err):
		return "APPLY_CONFLICT"
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err):
		return "CLUSTER_REFUSED"
	case meta.IsNoMatchError(err):
		return "API_REMOVED"
	case errors.As(err, &network), apierrors.IsServiceUnavailable(err), apierrors.IsServerTimeout(err),
		apierrors.IsInternalError(err), errors.Is(err, context.DeadlineExceeded):
		return "CLUSTER_UNREACHABLE"
	}
	return ""
}

// texts are what Helm says where it gives no type. The first that fits counts.
var texts = []struct{ text, code string }{
	{"values don't meet the specifications of the schema", "VALUES_SCHEMA"},
	{"execution error at", "TEMPLATE_FAILED"},
	{"chart requires kubeVersion", "KUBE_VERSION_UNSUPPORTED"},
	{"cannot be imported into the current release", "OBJECT_EXISTS"},
	{"cannot reuse a name that is still in use", "RELEASE_EXISTS"},
	{"another operation (install/upgrade/rollback) is in progress", "RELEASE_PENDING"},
	{"has no deployed releases", "RELEASE_NOT_FOUND"},
	{"release: not found", "RELEASE_NOT_FOUND"},
	{"no revision for release", "REVISION_NOT_FOUND"},
	{"resource mapping not found", "API_REMOVED"},
	{"no matches for kind", "API_REMOVED"},
	{"connection refused", "CLUSTER_UNREACHABLE"},
	{"connection reset", "CLUSTER_UNREACHABLE"},
	{"system reserved label name", "INVALID_ARGUMENT"},
	{"conflict occurred while applying", "APPLY_CONFLICT"},
	{"chart dependencies processing failed", "CHART_INVALID"},
	{"unable to build kubernetes objects", "TEMPLATE_FAILED"},
	{"unable to parse YAML", "TEMPLATE_FAILED"},
	{"YAML parse error", "TEMPLATE_FAILED"},
	{"error converting YAML", "TEMPLATE_FAILED"},
	{"parse error", "TEMPLATE_FAILED"},
	{"execution error", "TEMPLATE_FAILED"},
	{"error calling", "TEMPLATE_FAILED"},
	{"template:", "TEMPLATE_FAILED"},
	{"templates/", "TEMPLATE_FAILED"},
	// After the templates, which may fail with any words.
	{"already exists", "OBJECT_EXISTS"},
}

func codeOfText(text string) string {
	for _, entry := range texts {
		if strings.Contains(text, entry.text) {
			return entry.code
		}
	}
	return "INTERNAL"
}

func fieldOf(code string) string {
	switch code {
	case "VALUES_SCHEMA":
		return "values"
	case "NAMESPACE_NOT_FOUND":
		return "namespace"
	case "RELEASE_NOT_FOUND", "RELEASE_EXISTS":
		return "name"
	default:
		return ""
	}
}

// withStatus adds the object that the API server names in a refusal.
func withStatus(made *problem.Error) *problem.Error {
	var status apierrors.APIStatus
	if errors.As(made.Cause, &status) {
		if details := status.Status().Details; details != nil && details.Name != "" {
			made.Object = objectOf(details)
			made.Reason = bounded(status.Status().Message)
		}
	}
	return made
}

func objectOf(details *metav1.StatusDetails) *enginev1.ObjectReference {
	return &enginev1.ObjectReference{ApiVersion: details.Group, Kind: details.Kind, Name: details.Name}
}

func isMissing(err error) bool { return apierrors.IsNotFound(err) }

func firstLine(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func bounded(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessage], "") + "…"
}
