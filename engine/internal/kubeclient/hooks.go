package kubeclient

import (
	"bufio"
	"context"
	"io"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"helm.sh/helm/v4/pkg/kube"
	release "helm.sh/helm/v4/pkg/release/v1"

	"berth.dev/engine/gen/enginev1"
)

const (
	// maxHookLog bounds what is shown of one hook's output.
	maxHookLog = 256 << 10
	// logPiece bounds one event of it.
	logPiece = 16 << 10
	// podPoll is how often a hook's pods are looked for until they run.
	podPoll = time.Second
)

func hookOf(resources kube.ResourceList) (name, event string) {
	if len(resources) == 0 {
		return "", ""
	}
	annotations, err := meta.NewAccessor().Annotations(resources[0].Object)
	if err != nil {
		return resources[0].Name, ""
	}
	return resources[0].Name, annotations[release.HookAnnotation]
}

func hookPhase(event string) enginev1.Phase {
	switch {
	case strings.Contains(event, "test"):
		return enginev1.Phase_PHASE_TESTING
	case strings.HasPrefix(event, "post-"):
		return enginev1.Phase_PHASE_POST_HOOKS
	default:
		return enginev1.Phase_PHASE_PRE_HOOKS
	}
}

// followLogs gives the output of a hook's pods while it runs, until stop is
// called. A cluster whose nodes have no logs (KWOK) just gives none.
func (c *Client) followLogs(resources kube.ResourceList) (stop func()) {
	ctx, cancel := context.WithCancel(c.wait)
	done := make(chan struct{})
	go func() {
		defer close(done)
		seen := map[string]bool{}
		budget := maxHookLog
		for {
			for _, info := range resources {
				for _, pod := range c.hookPods(ctx, info.Mapping.GroupVersionKind.Kind, info.Namespace, info.Name) {
					for _, container := range pod.Spec.Containers {
						key := pod.Name + "/" + container.Name
						if !seen[key] && pod.Status.Phase != v1.PodPending {
							seen[key] = true
							c.followContainer(ctx, &pod, container.Name, &budget)
						}
					}
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(podPoll):
			}
		}
	}()
	return func() { cancel(); <-done }
}

func (c *Client) hookPods(ctx context.Context, kind, namespace, name string) []v1.Pod {
	options := metav1.ListOptions{Limit: 10}
	switch kind {
	case "Pod":
		options.FieldSelector = "metadata.name=" + name
	case "Job":
		options.LabelSelector = "batch.kubernetes.io/job-name=" + name
	default:
		return nil
	}
	pods, err := c.typed.Pods(namespace).List(ctx, options)
	if err != nil {
		return nil
	}
	return pods.Items
}

func (c *Client) followContainer(ctx context.Context, pod *v1.Pod, container string, budget *int) {
	options := &v1.PodLogOptions{Container: container, Follow: true}
	stream, err := c.typed.Pods(pod.Namespace).GetLogs(pod.Name, options).Stream(ctx)
	if err != nil {
		return
	}
	defer stream.Close()
	reader := bufio.NewReaderSize(io.LimitReader(stream, int64(*budget)), logPiece)
	piece := make([]byte, logPiece)
	for {
		n, err := reader.Read(piece)
		if n > 0 {
			*budget -= n
			c.events.Log(&enginev1.HookLog{Pod: pod.Name, Container: container, Text: strings.ToValidUTF8(string(piece[:n]), "?")})
		}
		if err != nil || *budget <= 0 {
			return
		}
	}
}
