package herder

import (
	"errors"
	"fmt"
)

// Kind says what sort of trouble an Error is; rest maps it to a status.
type Kind uint8

// The kinds.
const (
	Failed     Kind = iota // the operation failed; also the kind of errors without one
	BadRequest             // the request is wrong
	NotFound
	Exists    // a connector of that name is there
	Conflict  // try again: something else changed at the same time
	Forbidden // switched off by the worker's config
)

// Error is an error with Connect's message for the user.
type Error struct {
	Kind    Kind
	Message string
	Err     error // the cause, if any
}

// Error gives the message.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf finds the kind of err.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Failed
}

func errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

func notFound(name string) *Error { return errorf(NotFound, "Connector %s not found", name) }
