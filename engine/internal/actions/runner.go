// Package actions runs Helm's verbs to their true endings.
package actions

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/charts"
	"berth.dev/engine/internal/cluster"
	"berth.dev/engine/internal/problem"
	"berth.dev/engine/internal/progress"
)

// Options of a Runner.
type Options struct {
	// AllowLocalCharts lets charts come from files of this machine.
	AllowLocalCharts bool
	// RenderTimeout bounds one rendering; zero means 60 s. A template cannot be
	// interrupted, so OnRenderOverrun has to end the process.
	RenderTimeout   time.Duration
	OnRenderOverrun func(digest string)
	// RefusedCharts are digests of charts whose rendering overran before.
	RefusedCharts []string
	Log           *slog.Logger
}

// Emit takes an event of a running action; never called after the action has returned.
type Emit func(*enginev1.ActionEvent)

// Runner runs actions. Safe for concurrent use.
type Runner struct {
	options Options
	cache   *cluster.Cache
	charts  *charts.Library

	mu      sync.Mutex
	running map[string]*session
}

// New makes a runner.
func New(options Options) *Runner {
	if options.RenderTimeout == 0 {
		options.RenderTimeout = time.Minute
	}
	return &Runner{options: options, cache: cluster.NewCache(), charts: charts.NewLibrary(options.AllowLocalCharts), running: map[string]*session{}}
}

// Running tells how many actions run.
func (r *Runner) Running() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.running)
}

// Cancel ends the waiting and applying of an action; false where it is not running.
func (r *Runner) Cancel(id, cause string) bool {
	r.mu.Lock()
	running, ok := r.running[id]
	r.mu.Unlock()
	if ok {
		r.options.Log.Info("cancelling an action", "operation", id, "cause", cause)
		running.asked.Store(true)
		running.cancel()
	}
	return ok
}

// CancelAll ends the waiting and applying of every action.
func (r *Runner) CancelAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, running := range r.running {
		running.cancel()
	}
}

// Extend pushes an action's hold forward; false where it is not running.
func (r *Runner) Extend(id string, hold time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	running, ok := r.running[id]
	if ok {
		running.hold.Extend(hold)
	}
	return ok
}

// act runs one verb in a goroutine of its own, which ctx cancels but does not
// leave behind, and answers what is stored afterwards.
func (r *Runner) act(ctx context.Context, target *enginev1.Target, action *enginev1.ActionContext, emit Emit, verb func(*session) error) *enginev1.ActionResult {
	reporter := progress.New(emit)
	defer reporter.Close()
	s, err := r.open(target, action, reporter)
	if err != nil {
		return &enginev1.ActionResult{Error: classify(err, nil).Proto()}
	}
	if err := r.register(s); err != nil {
		return &enginev1.ActionResult{Error: classify(err, nil).Proto()}
	}
	defer r.unregister(s)
	// The first event says that the action can be cancelled from now on.
	reporter.Begin()
	stop := context.AfterFunc(ctx, s.cancel)
	defer stop()

	ended := make(chan error, 1)
	go func() {
		defer func() {
			if cause := recover(); cause != nil {
				r.options.Log.Error("an action panicked", "operation", s.id, "cause", fmt.Sprint(cause))
				ended <- problem.New("INTERNAL", "The engine failed inside.")
			}
		}()
		ended <- verb(s)
	}()
	result := s.finish(<-ended)
	r.options.Log.Debug("an action ended", "operation", s.id, "traceparent", action.GetTraceparent(),
		"namespace", target.GetNamespace(), "release", target.GetRelease(), "code", result.GetError().GetCode())
	return result
}

func (r *Runner) register(s *session) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.running[s.id]; taken || s.id == "" {
		return problem.New("INVALID_ARGUMENT", "An action needs an operation id of its own.")
	}
	r.running[s.id] = s
	return nil
}

func (r *Runner) unregister(s *session) {
	s.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, s.id)
}

// isRunning tells whether an action holds a release in this engine.
func (r *Runner) isRunning(target *enginev1.Target) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, running := range r.running {
		held := running.target
		if held.GetCluster().GetServer() == target.GetCluster().GetServer() &&
			held.GetNamespace() == target.GetNamespace() && held.GetRelease() == target.GetRelease() {
			return true
		}
	}
	return false
}
