package kubeclient

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"helm.sh/helm/v4/pkg/kube"
	release "helm.sh/helm/v4/pkg/release/v1"

	"berth.dev/engine/gen/enginev1"
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

// hook waits for a hook, and says that it runs and what it prints.
func (c *Client) hook(resources kube.ResourceList, wait func() error) error {
	name, event := hookOf(resources)
	c.events.Phase(hookPhase(event))
	c.events.Hook(&enginev1.HookEvent{Name: name, Event: event, Phase: release.HookPhaseRunning.String()})
	stop := c.followLogs(resources)
	err := wait()
	stop()
	phase := release.HookPhaseSucceeded
	if err != nil {
		phase = release.HookPhaseFailed
		c.blame(resources, err, "")
	}
	c.events.Hook(&enginev1.HookEvent{Name: name, Event: event, Phase: phase.String()})
	return err
}
