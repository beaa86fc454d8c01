package kwargs

import (
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// atField says at which kwarg an error of a decoder happened.
func atField(name string, value bson.RawValue, t reflect.Type, err error) *FieldError {
	// No errors.As: what a user's own decoding method wraps is not the place.
	switch e := err.(type) { //nolint:errorlint // see above
	case *FieldError:
		out := *e
		out.Field = under(name, e.Field)
		return &out
	case *bson.DecodeError:
		for _, key := range e.Keys() {
			name, value, t = under(name, key), valueAt(value, key), typeAt(t, key)
		}
		return atField(name, value, t, e.Unwrap())
	case *mismatch:
		return &FieldError{Field: name, Want: e.want, Got: e.got, Reason: e.reason}
	}
	return &FieldError{Field: name, Want: t.String(), Got: typeName(value.Type), Err: mongouri.RedactError(err)}
}

func under(name, key string) string {
	if name == "" || key == "" {
		return name + key
	}
	return join(name, key)
}

func valueAt(v bson.RawValue, key string) bson.RawValue {
	if v.Type != bson.TypeEmbeddedDocument && v.Type != bson.TypeArray {
		return v
	}
	inner, err := bson.Raw(v.Value).LookupErr(key)
	if err != nil {
		return v
	}
	return inner
}

// typeAt is the Go type inside t that a key leads to.
func typeAt(t reflect.Type, key string) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return t.Elem()
	}
	return t
}
