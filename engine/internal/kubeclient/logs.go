package kubeclient

import (
	"bufio"
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"helm.sh/helm/v4/pkg/kube"

	"berth.dev/engine/gen/enginev1"
)

const (
	// maxHookLog bounds what is shown of one hook's output, in bytes.
	maxHookLog = 256 << 10
	// logPiece bounds one event of it.
	logPiece = 16 << 10
	// maxLogs bounds the containers of one hook that are followed.
	maxLogs = 20
	// podPoll is how often pods are looked for where they cannot be watched.
	podPoll = time.Second
	// drain is how long the last words of a hook that has ended are waited for.
	drain = time.Second
)

// logs follows the containers of one hook.
type logs struct {
	client *Client
	view   *view
	hooks  []*target
	seen   map[string]bool
	left   atomic.Int64
	open   sync.WaitGroup
}

// followLogs gives the output of a hook's pods while it runs, until stop is
// called. A cluster whose nodes keep no logs just gives none.
func (c *Client) followLogs(resources kube.ResourceList) (stop func()) {
	l := &logs{client: c, view: newView(c), seen: map[string]bool{}}
	l.left.Store(maxHookLog)
	for _, info := range resources {
		switch one := newTarget(info); info.Mapping.GroupVersionKind.Kind {
		case "Job":
			// Its own selector is not known before the API server has taken it.
			one.selector = labels.SelectorFromSet(labels.Set{"batch.kubernetes.io/job-name": info.Name})
			l.hooks = append(l.hooks, one)
		case "Pod":
			l.hooks = append(l.hooks, one)
		}
	}
	if len(l.hooks) == 0 {
		return func() {}
	}
	l.view.join(interestsOf(l.hooks, c.mapper))
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		l.run(ended)
	}()
	return func() { close(ended); <-done }
}

// run follows until the hook has ended and what it printed last was read.
func (l *logs) run(ended <-chan struct{}) {
	defer l.view.leave()
	ctx, cancel := context.WithCancel(l.client.wait)
	defer cancel()
	for running := true; running; {
		l.look(ctx)
		limit := time.NewTimer(podPoll)
		select {
		case <-ended:
			running = false
		case <-ctx.Done():
			running = false
		case <-l.view.changed:
		case <-limit.C:
		}
		limit.Stop()
	}
	l.look(ctx)
	time.AfterFunc(drain, cancel)
	l.open.Wait()
}

// look follows each container that has started since.
func (l *logs) look(ctx context.Context) {
	for _, hook := range l.hooks {
		for _, pod := range l.pods(ctx, hook) {
			if pod.Status.Phase == v1.PodPending || pod.Status.Phase == "" {
				continue
			}
			for _, container := range pod.Spec.Containers {
				key := string(pod.UID) + "/" + container.Name
				if l.seen[key] || len(l.seen) >= maxLogs {
					continue
				}
				l.seen[key] = true
				l.open.Go(func() { l.follow(ctx, pod, container.Name) })
			}
		}
	}
}

func (l *logs) pods(ctx context.Context, hook *target) []*v1.Pod {
	if hook.selector == nil {
		hook.look(ctx, l.view, hookReader(l.client.mapper), "Current")
		if hook.seen == nil {
			return nil
		}
	}
	return l.view.podsOf(ctx, hook)
}

func (l *logs) follow(ctx context.Context, pod *v1.Pod, container string) {
	options := &v1.PodLogOptions{Container: container, Follow: pod.Status.Phase == v1.PodRunning}
	stream, err := l.client.typed.Pods(pod.Namespace).GetLogs(pod.Name, options).Stream(ctx)
	if err != nil {
		return
	}
	defer stream.Close()
	reader := bufio.NewReaderSize(stream, logPiece)
	piece := make([]byte, logPiece)
	for l.left.Load() > 0 {
		n, err := reader.Read(piece)
		if n > 0 && l.left.Add(-int64(n)) >= 0 {
			l.client.events.Log(&enginev1.HookLog{Pod: pod.Name, Container: container, Text: strings.ToValidUTF8(string(piece[:n]), "?")})
		}
		if err != nil {
			return
		}
	}
}
