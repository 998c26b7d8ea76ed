package kubeclient

import (
	"context"
	"errors"
	"time"

	"helm.sh/helm/v4/pkg/kube"
	release "helm.sh/helm/v4/pkg/release/v1"

	"berth.dev/engine/gen/enginev1"
)

const (
	// sampleAfter is when a wait first looks at its objects to say how they are;
	// most waits are over by then.
	sampleAfter = time.Second
	// sampleEvery is between two looks.
	sampleEvery = 3 * time.Second
	// maxSampled bounds the objects of one wait that are looked at.
	maxSampled = 100
)

// GetWaiter gives a waiter that ends with the action.
func (c *Client) GetWaiter(strategy kube.WaitStrategy) (kube.Waiter, error) {
	return c.GetWaiterWithOptions(strategy)
}

// GetWaiterWithOptions gives a waiter that ends with the action and reports.
func (c *Client) GetWaiterWithOptions(strategy kube.WaitStrategy, options ...kube.WaitOption) (kube.Waiter, error) {
	inner, err := c.Client.GetWaiterWithOptions(strategy, append(options, kube.WithWaitContext(c.wait))...)
	if err != nil {
		return nil, err
	}
	return &waiter{Waiter: inner, client: c, waits: strategy != kube.HookOnlyStrategy}, nil
}

type waiter struct {
	kube.Waiter
	client *Client
	waits  bool
}

func (w *waiter) Wait(resources kube.ResourceList, timeout time.Duration) error {
	return w.watch(resources, func() error { return w.Waiter.Wait(resources, timeout) })
}

func (w *waiter) WaitWithJobs(resources kube.ResourceList, timeout time.Duration) error {
	return w.watch(resources, func() error { return w.Waiter.WaitWithJobs(resources, timeout) })
}

func (w *waiter) watch(resources kube.ResourceList, wait func() error) error {
	if !w.waits || len(resources) == 0 {
		return wait()
	}
	w.client.events.Phase(enginev1.Phase_PHASE_WAITING)
	stop := w.client.sample(resources)
	err := wait()
	stop()
	if err != nil {
		w.client.blame(resources, err, false)
	}
	return err
}

func (w *waiter) WaitForDelete(resources kube.ResourceList, timeout time.Duration) error {
	err := w.Waiter.WaitForDelete(resources, timeout)
	if err != nil {
		w.client.blame(resources, err, false)
	}
	return err
}

// WatchUntilReady waits for a hook.
func (w *waiter) WatchUntilReady(resources kube.ResourceList, timeout time.Duration) error {
	name, event := hookOf(resources)
	w.client.events.Phase(hookPhase(event))
	w.client.events.Hook(&enginev1.HookEvent{Name: name, Event: event, Phase: release.HookPhaseRunning.String()})
	stop := w.client.followLogs(resources)
	err := w.Waiter.WatchUntilReady(resources, timeout)
	stop()
	phase := release.HookPhaseSucceeded
	if err != nil {
		phase = release.HookPhaseFailed
		w.client.blame(resources, err, true)
	}
	w.client.events.Hook(&enginev1.HookEvent{Name: name, Event: event, Phase: phase.String()})
	return err
}

// sample says how the objects are until stop is called.
func (c *Client) sample(resources kube.ResourceList) (stop func()) {
	ctx, cancel := context.WithCancel(c.wait)
	done := make(chan struct{})
	go func() {
		defer close(done)
		last := map[string]string{}
		timer := time.NewTimer(sampleAfter)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			for _, info := range resources[:min(len(resources), maxSampled)] {
				status := c.Status(ctx, info)
				key := status.GetObject().String()
				if text := status.GetStatus() + status.GetReason(); text != last[key] && ctx.Err() == nil {
					last[key] = text
					c.events.Status(status)
				}
			}
			timer.Reset(sampleEvery)
		}
	}()
	return func() { cancel(); <-done }
}

// blame finds the object a wait or hook failed at, with the cluster's reason.
func (c *Client) blame(resources kube.ResourceList, err error, hook bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.wait), 5*time.Second)
	defer cancel()
	failure := &Failure{Hook: hook, Err: err}
	if !errors.Is(c.wait.Err(), context.Canceled) {
		for _, info := range resources {
			status := c.Status(ctx, info)
			if status.GetStatus() != "Current" || hook {
				failure.Object, failure.Reason = status.GetObject(), status.GetReason()
				failure.Unreachable = status.GetStatus() == "Unknown"
				break
			}
		}
	}
	c.fail(failure)
}
