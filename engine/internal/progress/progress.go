// Package progress says what happens while an action runs.
package progress

import (
	"sync"

	"google.golang.org/protobuf/types/known/timestamppb"

	"berth.dev/engine/gen/enginev1"
)

// Reporter sends events in order, and none after it is closed. Safe for concurrent use.
type Reporter struct {
	mu     sync.Mutex
	send   func(*enginev1.ActionEvent)
	phase  enginev1.Phase
	closed bool
}

// New makes a reporter; a nil send keeps nothing.
func New(send func(*enginev1.ActionEvent)) *Reporter {
	return &Reporter{send: send, closed: send == nil}
}

// Close ends the events.
func (r *Reporter) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// Begin sends an event that says nothing but that the action has begun.
func (r *Reporter) Begin() { r.emit(&enginev1.ActionEvent{}) }

// Phase says that the action has entered a step; a repetition says nothing.
func (r *Reporter) Phase(phase enginev1.Phase) {
	r.mu.Lock()
	same := r.phase == phase
	r.phase = phase
	r.mu.Unlock()
	if !same {
		r.emit(&enginev1.ActionEvent{Event: &enginev1.ActionEvent_Phase{Phase: phase}})
	}
}

// Applied says that an object was sent.
func (r *Reporter) Applied(applied *enginev1.Applied) {
	r.emit(&enginev1.ActionEvent{Event: &enginev1.ActionEvent_Applied{Applied: applied}})
}

// Status says how an object is.
func (r *Reporter) Status(status *enginev1.ObjectStatus) {
	r.emit(&enginev1.ActionEvent{Event: &enginev1.ActionEvent_Status{Status: status}})
}

// Hook says that a hook started or ended.
func (r *Reporter) Hook(hook *enginev1.HookEvent) {
	r.emit(&enginev1.ActionEvent{Event: &enginev1.ActionEvent_Hook{Hook: hook}})
}

// Log gives output of a hook's container.
func (r *Reporter) Log(log *enginev1.HookLog) {
	r.emit(&enginev1.ActionEvent{Event: &enginev1.ActionEvent_Log{Log: log}})
}

func (r *Reporter) emit(event *enginev1.ActionEvent) {
	event.Time = timestamppb.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.send(event)
	}
}
