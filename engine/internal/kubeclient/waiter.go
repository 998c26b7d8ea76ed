package kubeclient

import (
	"context"
	"errors"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/engine"
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/resource"

	"helm.sh/helm/v4/pkg/kube"

	"berth.dev/engine/gen/enginev1"
)

// GetWaiter gives a waiter that ends with the action and reports.
func (c *Client) GetWaiter(strategy kube.WaitStrategy) (kube.Waiter, error) {
	if strategy != kube.LegacyStrategy {
		return &waiter{client: c, waits: strategy == kube.StatusWatcherStrategy}, nil
	}
	inner, err := c.Client.GetWaiterWithOptions(strategy, kube.WithWaitContext(c.wait))
	if err != nil {
		return nil, err
	}
	return &legacyWaiter{Waiter: inner, client: c}, nil
}

// GetWaiterWithOptions is GetWaiter: whatever an option could say is said by the action.
func (c *Client) GetWaiterWithOptions(strategy kube.WaitStrategy, _ ...kube.WaitOption) (kube.Waiter, error) {
	return c.GetWaiter(strategy)
}

// waiter waits by the shared watches. Without waits it waits for hooks alone.
type waiter struct {
	client *Client
	waits  bool
}

// Wait waits until the resources are ready.
func (w *waiter) Wait(resources kube.ResourceList, timeout time.Duration) error {
	return w.untilReady(resources, timeout, readyReader(w.client.mapper))
}

// WaitWithJobs waits until the resources are ready and Jobs are done.
func (w *waiter) WaitWithJobs(resources kube.ResourceList, timeout time.Duration) error {
	return w.untilReady(resources, timeout, readyWithJobsReader(w.client.mapper))
}

func (w *waiter) untilReady(resources kube.ResourceList, timeout time.Duration, reader engine.StatusReader) error {
	if !w.waits || len(resources) == 0 {
		return nil
	}
	w.client.events.Phase(enginev1.Phase_PHASE_WAITING)
	return w.client.limited(timeout, func(ctx context.Context) error {
		err := w.client.waitFor(ctx, withoutPaused(resources), reader, status.CurrentStatus)
		if err != nil {
			w.client.blame(resources, err, status.CurrentStatus)
		}
		return err
	})
}

// WaitForDelete waits until the resources are gone.
func (w *waiter) WaitForDelete(resources kube.ResourceList, timeout time.Duration) error {
	if !w.waits {
		return nil
	}
	return w.client.limited(timeout, func(ctx context.Context) error {
		err := w.client.waitFor(ctx, resources, readyReader(w.client.mapper), status.NotFoundStatus)
		if err != nil {
			w.client.blame(resources, err, status.NotFoundStatus)
		}
		return err
	})
}

// WatchUntilReady waits for a hook.
func (w *waiter) WatchUntilReady(resources kube.ResourceList, timeout time.Duration) error {
	return w.client.hook(resources, func() error {
		return w.client.limited(timeout, func(ctx context.Context) error {
			return w.client.waitFor(ctx, resources, hookReader(w.client.mapper), status.CurrentStatus)
		})
	})
}

// legacyWaiter polls, by Helm 3's rules of what is ready.
type legacyWaiter struct {
	kube.Waiter
	client *Client
}

// Wait waits until the resources are ready.
func (w *legacyWaiter) Wait(resources kube.ResourceList, timeout time.Duration) error {
	return w.blaming(resources, func() error { return w.Waiter.Wait(resources, timeout) })
}

// WaitWithJobs waits until the resources are ready and Jobs are done.
func (w *legacyWaiter) WaitWithJobs(resources kube.ResourceList, timeout time.Duration) error {
	return w.blaming(resources, func() error { return w.Waiter.WaitWithJobs(resources, timeout) })
}

// WatchUntilReady waits for a hook.
func (w *legacyWaiter) WatchUntilReady(resources kube.ResourceList, timeout time.Duration) error {
	return w.client.hook(resources, func() error { return w.Waiter.WatchUntilReady(resources, timeout) })
}

func (w *legacyWaiter) blaming(resources kube.ResourceList, wait func() error) error {
	w.client.events.Phase(enginev1.Phase_PHASE_WAITING)
	err := wait()
	if err != nil {
		w.client.blame(resources, err, status.CurrentStatus)
	}
	return err
}

// limited waits no longer than timeout, and not when the action is cancelled.
func (c *Client) limited(timeout time.Duration, wait func(context.Context) error) error {
	if timeout == 0 {
		timeout = kube.DefaultStatusWatcherTimeout
	}
	ctx, cancel := context.WithTimeout(c.wait, timeout)
	defer cancel()
	return wait(ctx)
}

// withoutPaused leaves out Deployments that are paused: they get ready when somebody resumes them.
func withoutPaused(resources kube.ResourceList) kube.ResourceList {
	return resources.Filter(func(info *resource.Info) bool {
		deployment, ok := kube.AsVersioned(info).(*appsv1.Deployment)
		return !ok || !deployment.Spec.Paused
	})
}

// blame finds the object a wait or hook failed at, with the cluster's reason:
// the first that is not as desired, of a hook the first.
func (c *Client) blame(resources kube.ResourceList, err error, desired status.Status) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.wait), 5*time.Second)
	defer cancel()
	failure := &Failure{Hook: desired == "", Err: err}
	if !errors.Is(c.wait.Err(), context.Canceled) {
		for _, info := range resources {
			if found := c.Status(ctx, info); found.GetStatus() != desired.String() {
				failure.Object, failure.Reason = found.GetObject(), found.GetReason()
				failure.Unreachable = found.GetStatus() == status.UnknownStatus.String()
				break
			}
		}
		if failure.Object == nil && desired == status.CurrentStatus {
			failure.Object, failure.Reason = c.withoutAddress(ctx, resources)
		}
	}
	c.fail(failure)
}

// withoutAddress finds a Service without its load balancer's address: by Helm 3's
// rules alone it is not ready.
func (c *Client) withoutAddress(ctx context.Context, resources kube.ResourceList) (*enginev1.ObjectReference, string) {
	for _, info := range resources {
		service, ok := kube.AsVersioned(info).(*v1.Service)
		if !ok || service.Spec.Type != v1.ServiceTypeLoadBalancer || len(service.Spec.ExternalIPs) > 0 {
			continue
		}
		object, err := c.read(ctx, info)
		if err != nil {
			continue
		}
		if addresses, _, _ := unstructured.NestedSlice(object.Object, "status", "loadBalancer", "ingress"); len(addresses) == 0 {
			answer := &enginev1.ObjectStatus{Reason: "The Service has no address of a load balancer yet."}
			addWarning(answer, c.lastWarning(ctx, info.Namespace, object.GetUID()))
			return reference(info), bound(answer.Reason)
		}
	}
	return nil, ""
}
