package kubeclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/engine"
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"google.golang.org/protobuf/proto"
	"k8s.io/cli-runtime/pkg/resource"
)

const (
	// settleDown is how long a wait lets changes gather before it looks.
	settleDown = 50 * time.Millisecond
	// lookAgain is between two looks without a change: some states come of time
	// alone, such as that a pod finds no node.
	lookAgain = 5 * time.Second
	// lookAgainRefused is the same where a watch is refused.
	lookAgainRefused = 2 * time.Second
	// tellEvery is between two reports about one wait's objects.
	tellEvery = time.Second
	// warnEvery is between two questions for the warnings about one object: most
	// get ready before the first.
	warnEvery = 1500 * time.Millisecond
	// maxAsked bounds those questions of one report.
	maxAsked = 3
	// maxTold bounds the objects of one wait that are reported on.
	maxTold = 100
)

// waitFor waits until all objects have the desired status. One that has failed
// is not waited for, but makes an error in the end, in Helm's words.
func (c *Client) waitFor(ctx context.Context, resources []*resource.Info, reader engine.StatusReader, desired status.Status) error {
	waited := make([]*target, 0, len(resources))
	for _, info := range resources {
		one := newTarget(info)
		if desired == status.CurrentStatus && one.isReady(ctx, reader) {
			continue
		}
		waited = append(waited, one)
	}
	if len(waited) == 0 {
		return nil
	}
	view := newView(c)
	defer view.leave()
	view.join(interestsOf(waited, c.mapper))
	tell := time.NewTicker(tellEvery)
	defer tell.Stop()
	for {
		open := 0
		for _, one := range waited {
			one.look(ctx, view, reader, desired)
			if one.status() != desired && !(one.status() == status.FailedStatus && desired == status.CurrentStatus) {
				open++
			}
		}
		if open == 0 || ctx.Err() != nil {
			err := explain(ctx, waited, desired)
			if err != nil && ctx.Err() == nil {
				// What has failed at once was not reported yet.
				c.tell(ctx, view, waited)
			}
			return err
		}
		c.rest(ctx, view, tell.C, waited)
	}
}

// rest returns when it is worth looking again. Meanwhile it reports.
func (c *Client) rest(ctx context.Context, view *view, tell <-chan time.Time, waited []*target) {
	again := lookAgain
	if view.refused() {
		again = lookAgainRefused
	}
	limit := time.NewTimer(again)
	defer limit.Stop()
	for {
		select {
		case <-view.changed:
			select {
			case <-ctx.Done():
			case <-time.After(settleDown):
			}
			return
		case <-tell:
			c.tell(ctx, view, waited)
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// tell reports the objects whose state is another than was reported last.
func (c *Client) tell(ctx context.Context, view *view, waited []*target) {
	questions := 0
	for _, one := range waited[:min(len(waited), maxTold)] {
		if one.seen == nil {
			continue
		}
		told, asked := one.describe(ctx, c, view, questions < maxAsked)
		if asked {
			questions++
		}
		if proto.Equal(told, one.told) {
			continue
		}
		one.told = told
		c.events.Status(told)
	}
}

// explain makes the error of the objects that are not as desired; nil where all are.
func explain(ctx context.Context, waited []*target, desired status.Status) error {
	var failures []error
	for _, one := range waited {
		switch got := one.status(); {
		case got == desired:
		case desired == status.NotFoundStatus:
			failures = append(failures, fmt.Errorf("resource %s still exists. status: %s, message: %s", one.name(), got, one.message()))
		default:
			failures = append(failures, fmt.Errorf("resource %s not ready. status: %s, message: %s", one.name(), got, one.message()))
		}
	}
	if len(failures) == 0 {
		return nil
	}
	return errors.Join(append(failures, ctx.Err())...)
}
