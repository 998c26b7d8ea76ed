package kubeclient

import (
	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/engine"
	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/statusreaders"
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// What a wait is for decides when an object is ready, as in Helm: kstatus' rules
// for all but Gateway API's kinds, but a Job that has to be done, and of hooks
// Jobs and Pods alone.

func readyReader(mapper meta.RESTMapper) engine.StatusReader {
	return statusreaders.NewStatusReader(mapper, programmedReaders(mapper)...)
}

func readyWithJobsReader(mapper meta.RESTMapper) engine.StatusReader {
	return statusreaders.NewStatusReader(mapper, append(programmedReaders(mapper), onlyFor("Job", mapper, jobDone))...)
}

func hookReader(mapper meta.RESTMapper) engine.StatusReader {
	return &statusreaders.DelegatingStatusReader{StatusReaders: []engine.StatusReader{
		onlyFor("Job", mapper, jobDone),
		onlyFor("Pod", mapper, podDone),
		statusreaders.NewGenericStatusReader(mapper, applied),
	}}
}

// kindReader computes the status of one kind.
type kindReader struct {
	engine.StatusReader
	kind schema.GroupKind
}

func onlyFor(kind string, mapper meta.RESTMapper, compute func(*unstructured.Unstructured) (*status.Result, error)) engine.StatusReader {
	groups := map[string]string{"Job": "batch", "Pod": ""}
	return &kindReader{
		StatusReader: statusreaders.NewGenericStatusReader(mapper, compute),
		kind:         schema.GroupKind{Group: groups[kind], Kind: kind},
	}
}

// Supports tells whether this reader is for a kind.
func (r *kindReader) Supports(kind schema.GroupKind) bool { return kind == r.kind }

func applied(*unstructured.Unstructured) (*status.Result, error) {
	return &status.Result{Status: status.CurrentStatus, Message: "Resource is current"}, nil
}

func jobDone(job *unstructured.Unstructured) (*status.Result, error) {
	full, err := status.GetObjectWithConditions(job.Object)
	if err != nil {
		return nil, err
	}
	for _, condition := range full.Status.Conditions {
		if condition.Status != v1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case "Complete":
			return &status.Result{Status: status.CurrentStatus, Message: "Job completed"}, nil
		case "Failed":
			return &status.Result{Status: status.FailedStatus, Message: "Job failed: " + condition.Reason + ": " + condition.Message}, nil
		}
	}
	return &status.Result{Status: status.InProgressStatus, Message: "Job in progress"}, nil
}

func podDone(pod *unstructured.Unstructured) (*status.Result, error) {
	switch phase := status.GetStringField(pod.Object, ".status.phase", ""); v1.PodPhase(phase) {
	case v1.PodSucceeded:
		return &status.Result{Status: status.CurrentStatus, Message: "Pod succeeded"}, nil
	case v1.PodFailed:
		return &status.Result{Status: status.FailedStatus, Message: "Pod failed"}, nil
	default:
		return &status.Result{Status: status.InProgressStatus, Message: "Pod in progress"}, nil
	}
}
