package server

import (
	"sync"
	"time"

	"berth.dev/engine/gen/enginev1"
)

const (
	// gatherTime is how long an event may wait for others to share its message.
	gatherTime = 100 * time.Millisecond
	// maxGathered bounds the events of one message.
	maxGathered = 64
)

// gathered sends events in order, many in a message: an install has a dozen
// within milliseconds, and each message costs both sides more than what is in it.
// Safe for concurrent use; the stream is written by one goroutine at a time.
type gathered struct {
	send func(*enginev1.ActionEvents) error

	mu      sync.Mutex
	begun   bool
	ended   bool
	waiting []*enginev1.ActionEvent
	timer   *time.Timer
}

// add sends an event: the first at once, for it says that the action can be cancelled.
func (g *gathered) add(event *enginev1.ActionEvent) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, event)
	if !g.begun || len(g.waiting) >= maxGathered {
		g.begun = true
		// Progress that nobody reads any more is no failure of the action.
		_ = g.flush()
		return
	}
	if g.timer == nil {
		g.timer = time.AfterFunc(gatherTime, g.late)
	}
}

// end sends what waits and the last event.
func (g *gathered) end(last *enginev1.ActionEvent) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	g.waiting = append(g.waiting, last)
	return g.flush()
}

func (g *gathered) late() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		_ = g.flush()
	}
}

func (g *gathered) flush() error {
	if g.timer != nil {
		g.timer.Stop()
		g.timer = nil
	}
	events := &enginev1.ActionEvents{Events: g.waiting}
	g.waiting = nil
	return g.send(events)
}
