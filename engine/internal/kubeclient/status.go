package kubeclient

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/resource"

	"berth.dev/engine/gen/enginev1"
)

// maxReason bounds the cluster's words about an object.
const maxReason = 1024

func reference(info *resource.Info) *enginev1.ObjectReference {
	kind := info.Mapping.GroupVersionKind
	return &enginev1.ObjectReference{
		ApiVersion: kind.GroupVersion().String(), Kind: kind.Kind, Namespace: info.Namespace, Name: info.Name,
	}
}

// Status reads how an object is now, in kstatus' words, with the reason: of a
// workload that of its pods.
func (c *Client) Status(ctx context.Context, info *resource.Info) *enginev1.ObjectStatus {
	answer := &enginev1.ObjectStatus{Object: reference(info)}
	object, err := c.read(ctx, info)
	switch {
	case apierrors.IsNotFound(err):
		answer.Status = status.NotFoundStatus.String()
		answer.Reason = "The object does not exist."
		return answer
	case err != nil:
		answer.Status = status.UnknownStatus.String()
		answer.Reason = bound(err.Error())
		return answer
	}
	result, err := compute(object)
	if err != nil {
		answer.Status = status.UnknownStatus.String()
		answer.Reason = bound(err.Error())
		return answer
	}
	answer.Status, answer.Reason = result.Status.String(), result.Message
	if result.Status != status.CurrentStatus {
		c.addCause(ctx, answer, object, c.podsOf(ctx, object))
	}
	answer.Reason = bound(answer.Reason)
	return answer
}

func (c *Client) read(ctx context.Context, info *resource.Info) (*unstructured.Unstructured, error) {
	resources := c.dynamic.Resource(info.Mapping.Resource)
	if info.Namespaced() {
		return resources.Namespace(info.Namespace).Get(ctx, info.Name, metav1.GetOptions{})
	}
	return resources.Get(ctx, info.Name, metav1.GetOptions{})
}

// Metadata reads an object's metadata alone.
func (c *Client) Metadata(ctx context.Context, info *resource.Info) (*metav1.PartialObjectMetadata, error) {
	text, err := info.Client.Get().
		NamespaceIfScoped(info.Namespace, info.Namespaced()).
		Resource(info.Mapping.Resource.Resource).Name(info.Name).
		SetHeader("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1").
		Do(ctx).Raw()
	if err != nil {
		return nil, err
	}
	object := &metav1.PartialObjectMetadata{}
	return object, json.Unmarshal(text, object)
}

// podsOf gives the pods of a workload, or the pod itself.
func (c *Client) podsOf(ctx context.Context, object *unstructured.Unstructured) []*v1.Pod {
	if object.GetKind() == podKind.Kind {
		pod := &v1.Pod{}
		if runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, pod) != nil {
			return nil
		}
		return []*v1.Pod{pod}
	}
	selector := selectorOf(object)
	if selector == nil {
		return nil
	}
	list, err := c.typed.Pods(object.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selector.String(), Limit: 50})
	if err != nil {
		return nil
	}
	pods := make([]*v1.Pod, len(list.Items))
	for i := range list.Items {
		pods[i] = &list.Items[i]
	}
	return pods
}

// reasonOf is what the first pod says that says anything.
func reasonOf(pods []*v1.Pod) string {
	for _, pod := range pods {
		if reason := podReason(pod); reason != "" {
			return reason
		}
	}
	return ""
}

// podReason says why a pod is not ready: its containers' words first, then its conditions.
func podReason(pod *v1.Pod) string {
	if reason := containerReason(pod); reason != "" {
		return reason
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Status == v1.ConditionFalse && condition.Message != "" {
			return fmt.Sprintf("Pod %s: %s: %s", pod.Name, condition.Reason, condition.Message)
		}
	}
	return ""
}

// containerReason is what the first container says that waits or has failed.
func containerReason(pod *v1.Pod) string {
	containers := append(append([]v1.ContainerStatus{}, pod.Status.InitContainerStatuses...), pod.Status.ContainerStatuses...)
	for _, container := range containers {
		if waiting := container.State.Waiting; waiting != nil && waiting.Reason != "ContainerCreating" && waiting.Reason != "PodInitializing" {
			return describe(pod, container.Name, waiting.Reason, waiting.Message+lastEnding(container))
		}
		if ended := container.State.Terminated; ended != nil && ended.ExitCode != 0 {
			return describe(pod, container.Name, ended.Reason, fmt.Sprintf("exit code %d %s", ended.ExitCode, ended.Message))
		}
	}
	return ""
}

// lastEnding says how a container ended that is to be started again: why it crashes or was killed.
func lastEnding(container v1.ContainerStatus) string {
	ended := container.LastTerminationState.Terminated
	if ended == nil {
		return ""
	}
	return strings.TrimRight(fmt.Sprintf(", ended last by %s with exit code %d %s", ended.Reason, ended.ExitCode, ended.Message), " ")
}

func describe(pod *v1.Pod, container, reason, message string) string {
	return strings.TrimSpace(fmt.Sprintf("Pod %s, container %s: %s: %s", pod.Name, container, reason, message))
}

func bound(text string) string {
	if len(text) <= maxReason {
		return text
	}
	return strings.ToValidUTF8(text[:maxReason], "") + "…"
}
