package cluster

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"
)

var (
	// ErrCancelled is what a request of a cancelled action ends with.
	ErrCancelled = errors.New("the action was cancelled")
	// ErrHoldLost is what a mutation past the hold ends with.
	ErrHoldLost = errors.New("the hold on the release ran out")
)

// Hold is until when an action may still change something, on the monotonic
// clock. The zero value has no limit.
type Hold struct{ until atomic.Pointer[time.Time] }

// Extend pushes the limit to d from now.
func (h *Hold) Extend(d time.Duration) {
	until := time.Now().Add(d)
	h.until.Store(&until)
}

// Check refuses once the hold has run out.
func (h *Hold) Check() error {
	if until := h.until.Load(); until != nil && time.Now().After(*until) {
		return ErrHoldLost
	}
	return nil
}

// Guard wraps a transport: a mutation past the hold is refused, and each
// request ends with ctx. That of the storage client never ends: it is never
// cancelled, so that an ending can be written.
func Guard(ctx context.Context, hold *Hold, observe func(*http.Request, *http.Response)) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return &guarded{ctx: ctx, hold: hold, observe: observe, next: next}
	}
}

type guarded struct {
	ctx     context.Context
	hold    *Hold
	observe func(*http.Request, *http.Response)
	next    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (g *guarded) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet && request.Method != http.MethodHead {
		if err := g.hold.Check(); err != nil {
			return nil, err
		}
	}
	if g.ctx.Done() == nil {
		return g.next.RoundTrip(request)
	}
	if g.ctx.Err() != nil {
		return nil, ErrCancelled
	}
	// Ends with whichever context ends first; both end with the action at the latest.
	ctx, cancel := context.WithCancelCause(request.Context())
	context.AfterFunc(g.ctx, func() { cancel(ErrCancelled) })
	response, err := g.next.RoundTrip(request.WithContext(ctx))
	if err != nil && g.ctx.Err() != nil {
		return nil, ErrCancelled
	}
	if err == nil && g.observe != nil {
		g.observe(request, response)
	}
	return response, err
}
