// Package problem is the engine's one error type: a stable code of the list that
// packages/base/src/error-codes.ts keeps, a message fit for the caller, and what
// is at fault. No path of the machine and no secret goes into a message.
package problem

import (
	"errors"

	"berth.dev/engine/gen/enginev1"
)

// Error says why an action failed.
type Error struct {
	Code    string
	Message string
	// Field of the request at fault, dotted, such as "chart.version".
	Field string
	// Object at fault, where there is one, and the cluster's own words about it.
	Object *enginev1.ObjectReference
	Reason string
	// Numbers and names that belong to the code, such as size and limit.
	Details map[string]string
	// Cause is kept for errors.Is and the log; it is never shown.
	Cause error
}

// Error gives the message.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// New makes an error of a code.
func New(code, message string) *Error { return &Error{Code: code, Message: message} }

// As finds an Error in err's tree.
func As(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// Proto gives the error as the protocol carries it.
func (e *Error) Proto() *enginev1.ActionError {
	return &enginev1.ActionError{
		Code: e.Code, Message: e.Message, Field: e.Field,
		Object: e.Object, Reason: e.Reason, Details: e.Details,
	}
}
