package kubeclient

import (
	"context"
	"fmt"
	"strings"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"berth.dev/engine/gen/enginev1"
)

// maxWarnings bounds the events of one object that are read; the API server gives no order by time.
const maxWarnings = 100

// addCause adds why an object is not ready: what stands in its pods and in its
// own conditions, and the last warning about what names no cause itself.
func (c *Client) addCause(ctx context.Context, answer *enginev1.ObjectStatus, object *unstructured.Unstructured, pods []*v1.Pod) {
	if known := knownCause(object, pods); known != "" {
		answer.Reason = strings.TrimSpace(answer.Reason + " " + known)
	}
	if subject := unexplained(object, pods); subject != "" {
		addWarning(answer, c.lastWarning(ctx, object.GetNamespace(), subject))
	}
}

// knownCause is what needs no further request: a workload's pods say why they
// are not ready, its own condition why there are none.
func knownCause(object *unstructured.Unstructured, pods []*v1.Pod) string {
	if reason := reasonOf(pods); reason != "" {
		return reason
	}
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, one := range conditions {
		condition, _ := one.(map[string]any)
		if condition["type"] == "ReplicaFailure" && condition["status"] == string(v1.ConditionTrue) {
			return fmt.Sprintf("%v: %v", condition["reason"], condition["message"])
		}
	}
	return ""
}

// unexplained is whom to look for warnings of: the first pod whose containers
// are not ready and do not say why (that a probe fails or a volume is missing
// stands in events alone), or the object, where nothing says anything.
func unexplained(object *unstructured.Unstructured, pods []*v1.Pod) types.UID {
	for _, pod := range pods {
		if isUnexplained(pod) {
			return pod.UID
		}
	}
	if knownCause(object, pods) == "" {
		return object.GetUID()
	}
	return ""
}

// lastWarning is the last warning about an object; empty where there is none, or events may not be read.
func (c *Client) lastWarning(ctx context.Context, namespace string, subject types.UID) string {
	selector := fields.Set{"involvedObject.uid": string(subject), "type": v1.EventTypeWarning}.AsSelector()
	list, err := c.typed.Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: selector.String(), Limit: maxWarnings})
	if err != nil || len(list.Items) == 0 {
		return ""
	}
	last := list.Items[0]
	for _, one := range list.Items[1:] {
		if !timeOf(one).Before(timeOf(last)) {
			last = one
		}
	}
	return fmt.Sprintf("%s: %s", last.Reason, last.Message)
}

func addWarning(answer *enginev1.ObjectStatus, warning string) {
	if warning != "" {
		answer.Reason = strings.TrimSpace(strings.TrimRight(answer.Reason, ". ") + ". " + warning)
	}
}

// isUnexplained tells that a pod's containers are not ready and none of them says why.
func isUnexplained(pod *v1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == v1.ContainersReady && condition.Status == v1.ConditionFalse {
			return containerReason(pod) == ""
		}
	}
	return false
}

func timeOf(event v1.Event) *metav1.Time {
	if !event.LastTimestamp.IsZero() {
		return &event.LastTimestamp
	}
	return &metav1.Time{Time: event.EventTime.Time}
}
