package kubeclient

import (
	"context"
	"fmt"
	"strings"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"berth.dev/engine/gen/enginev1"
)

// maxWarnings bounds the events of one pod that are read; the API server gives no order by time.
const maxWarnings = 100

// addWarning adds the kubelet's last warning about the first pod whose own
// status names no cause: that a probe fails or a volume is missing stands in
// events alone. Where events may not be read, nothing is added.
func (c *Client) addWarning(ctx context.Context, answer *enginev1.ObjectStatus, pods []*v1.Pod) {
	for _, pod := range pods {
		if !isUnexplained(pod) {
			continue
		}
		selector := fields.Set{"involvedObject.uid": string(pod.UID), "type": v1.EventTypeWarning}.AsSelector()
		list, err := c.typed.Events(pod.Namespace).List(ctx, metav1.ListOptions{FieldSelector: selector.String(), Limit: maxWarnings})
		if err != nil || len(list.Items) == 0 {
			return
		}
		last := list.Items[0]
		for _, one := range list.Items[1:] {
			if !timeOf(one).Before(timeOf(last)) {
				last = one
			}
		}
		answer.Reason = strings.TrimSpace(fmt.Sprintf("%s. %s: %s", strings.TrimRight(answer.Reason, ". "), last.Reason, last.Message))
		return
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
