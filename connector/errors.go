package connector

import (
	"errors"
	"fmt"

	"leat/record"
)

// Class says what the worker does with an error.
type Class uint8

// The classes. An error without a class is Fatal.
const (
	// Fatal: the task fails and needs a person: wrong config, a slot that is gone, a grant that is missing.
	Fatal Class = iota
	// Retriable: the external system is away, busy or overloaded. The task waits, says so and tries again for ever.
	Retriable
	// BadRecord: the record at hand can not be handled; errors.tolerance decides whether the task fails or goes on.
	BadRecord
)

var classNames = [...]string{"fatal", "retriable", "bad record"}

// String names the class for logs.
func (c Class) String() string { return classNames[c] }

// Error is an error that the worker can act on and a person can mend.
type Error struct {
	Class Class
	Hint  string // what to do, one sentence; "" when there is nothing to say
	Err   error
}

// Error gives the message and the hint.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + ". " + e.Hint
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// WithHint adds what to do.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Fatalf makes an error that fails the task.
func Fatalf(format string, args ...any) *Error {
	return &Error{Class: Fatal, Err: fmt.Errorf(format, args...)}
}

// Retriablef makes an error that the task waits out.
func Retriablef(format string, args ...any) *Error {
	return &Error{Class: Retriable, Err: fmt.Errorf(format, args...)}
}

// BadRecordf makes an error of one record.
func BadRecordf(format string, args ...any) *Error {
	return &Error{Class: BadRecord, Err: fmt.Errorf(format, args...)}
}

// ClassOf finds the class of err, Fatal when it has none. A *BatchError is a BadRecord.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	var b *BatchError
	if errors.As(err, &b) {
		return BadRecord
	}
	return Fatal
}

// BatchError is a partial failure of Put: the records it names are bad, all others were accepted.
type BatchError struct{ Failed []RecordError }

// RecordError is one bad record and why. Record points into the batch that was put.
type RecordError struct {
	Record *record.Record
	Err    error
}

// Error tells of the first and how many there are.
func (e *BatchError) Error() string {
	if len(e.Failed) == 0 {
		return "batch error without records"
	}
	first := e.Failed[0]
	msg := fmt.Sprintf("record %s-%d offset %d: %v", first.Record.Origin.Topic, first.Record.Origin.ID, first.Record.Offset, first.Err)
	if n := len(e.Failed) - 1; n > 0 {
		msg += fmt.Sprintf(" (and %d more)", n)
	}
	return msg
}

// Unwrap gives the cause of the first.
func (e *BatchError) Unwrap() error {
	if len(e.Failed) == 0 {
		return nil
	}
	return e.Failed[0].Err
}

// StageError is what the engine reports of a record that failed: where on the way, which part, which record.
type StageError struct {
	Stage record.Stage
	Part  record.Part
	Name  string // the transform's alias or class, the converter's class, the connector's class
	Where string // topic-partition@offset, or topic and key
	Err   error
}

// Error gives the whole sentence.
func (e *StageError) Error() string {
	s := e.Stage.String()
	if e.Name != "" {
		s += " (" + e.Name + ")"
	}
	if e.Where != "" {
		s += " of " + e.Where
	}
	return s + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *StageError) Unwrap() error { return e.Err }
