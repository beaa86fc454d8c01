package kwargs

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// Encode makes the document of a task's kwargs: of a struct or a pointer to one
// (see Fields), a map with text keys, a bson.D or a bson.Raw. Nil is the empty
// document. Handles anywhere in it become their mongodb:// text without
// credentials.
//
// The result shares no memory with v. Errors are *EncodeError; for a handle
// whose address is not known it wraps ErrUnboundHandle. Encode does not limit
// the size.
func (b *Binder) Encode(v any) (raw bson.Raw, err error) {
	defer func() {
		if p := recover(); p != nil {
			raw, err = nil, &EncodeError{Reason: fmt.Sprintf("an encoding method panicked (%T)", p)}
		}
	}()
	rv := reflect.ValueOf(v)
	for hops := 0; rv.IsValid() && (rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface) && !rv.IsNil(); hops++ {
		if hops >= maxHops {
			return nil, tooDeep(reflect.TypeOf(v))
		}
		if traitsOf(rv.Type()).encodesItself {
			break
		}
		rv = rv.Elem()
	}
	if isNothing(rv) {
		return bson.Raw{5, 0, 0, 0, 0}, nil
	}
	if !traitsOf(rv.Type()).document {
		return nil, &EncodeError{Type: fmt.Sprintf("%T", v), Reason: "kwargs are a struct, a map with text keys, a bson.D or a bson.Raw"}
	}
	if err := (check{binder: b}).value(rv, 0, 0); err != nil {
		return nil, err
	}
	return b.encode(rv)
}

// encode writes what check has passed, and checks what the driver and methods
// of the user's types made of it.
func (b *Binder) encode(rv reflect.Value) (bson.Raw, error) {
	w := b.writers.Get().(*writer)
	doc, err := w.document(rv)
	if err != nil {
		var known *EncodeError
		if errors.As(err, &known) {
			return nil, known
		}
		return nil, &EncodeError{Type: rv.Type().String(), Err: mongouri.RedactError(err)}
	}
	raw := bson.Raw(bytes.Clone(doc))
	w.putBack()
	if fault := (scan{max: maxDepth, utf8: true}).document(raw, 1, false); fault != nil {
		return nil, &EncodeError{Field: fault.field(), Reason: fault.reason}
	}
	return raw, nil
}

func isNothing(rv reflect.Value) bool {
	if !rv.IsValid() {
		return true
	}
	switch rv.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map:
		return rv.IsNil()
	case reflect.Slice:
		return rv.IsNil() && traitsOf(rv.Type()).document
	}
	return false
}
