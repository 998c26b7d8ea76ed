package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
// request ends with ctx. That of an action's storage client never ends: it is
// never cancelled, so that an ending can be written.
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

// DryRun wraps a transport so that the API server does everything with a
// mutation but store it (dryRun=All): whatever goes through it changes nothing.
func DryRun(next http.RoundTripper) http.RoundTripper { return &dryRun{next} }

type dryRun struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (d *dryRun) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodGet || request.Method == http.MethodHead {
		return d.next.RoundTrip(request)
	}
	asked := request.Clone(request.Context())
	query := asked.URL.Query()
	query.Set("dryRun", "All")
	asked.URL.RawQuery = query.Encode()
	if request.Method == http.MethodDelete && request.Body != nil {
		if err := dryDelete(asked, request.Body); err != nil {
			return nil, err
		}
	}
	return d.next.RoundTrip(asked)
}

// dryDelete says it in the options too: where a deletion has some, the API
// server does not look at its query.
func dryDelete(asked *http.Request, body io.ReadCloser) error {
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxDeleteOptions))
	if err != nil {
		return err
	}
	options := map[string]any{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &options); err != nil {
			return fmt.Errorf("a deletion whose options are no JSON cannot be a dry run: %w", err)
		}
		options["dryRun"] = []string{"All"}
	}
	if len(options) > 0 {
		if text, err = json.Marshal(options); err != nil {
			return err
		}
	}
	asked.Body, asked.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	asked.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	return nil
}

// maxDeleteOptions bounds the options of a deletion, in bytes.
const maxDeleteOptions = 64 << 10
