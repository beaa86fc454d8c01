package kwargs

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Binding converts texts with one URL scheme to Go values when a task's kwargs
// are decoded, and the values back to text when kwargs are encoded.
//
// A Binding for "mongodb" replaces the built-in conversion, also for
// "mongodb+srv"; one without Open switches its scheme off (see NoMagic): such
// texts then stay texts in fields of type any and are refused by fields of a
// handle's type. Of two bindings for one scheme the later one counts.
type Binding struct {
	// Scheme is what stands before "://", in any case. Required.
	Scheme string

	// Types are the field types that Open can fill. A field of one of them
	// takes only texts of this scheme. No basic types: a string stays a text.
	Types []reflect.Type

	// Open makes the value. want is the type of the field: one of Types, or
	// an interface, as any, where the text alone decides. The release function,
	// if not nil, is called once, when the task has ended. Open must be safe
	// for concurrent use. Its errors are shown with addresses masked, and
	// end the task.
	Open func(ctx context.Context, text string, want reflect.Type) (value any, release func(), err error)

	// Text gives the text of a value of one of Types, without any secret. Nil
	// means that these values cannot be encoded.
	Text func(value any) (string, error)
}

// NoMagic is the Binding that switches the conversion of mongodb:// off.
func NoMagic() Binding { return Binding{Scheme: schemeMongo} }

const (
	schemeMongo = "mongodb"
	schemeSRV   = "mongodb+srv"
)

// bindings finds the conversion for a text and for a type.
type bindings struct {
	schemes map[string]Binding
	texts   map[reflect.Type]func(any) (string, error)
	types   []reflect.Type
}

func newBindings(list []Binding) (*bindings, error) {
	bs := &bindings{schemes: map[string]Binding{}, texts: map[reflect.Type]func(any) (string, error){}}
	for _, b := range list {
		if err := bs.add(b); err != nil {
			return nil, err
		}
	}
	for _, b := range bs.schemes {
		for _, t := range b.Types {
			if _, twice := bs.texts[t]; !twice {
				bs.types = append(bs.types, t)
			}
			if bs.texts[t] == nil {
				bs.texts[t] = b.Text
			}
		}
	}
	return bs, nil
}

func (bs *bindings) add(b Binding) error {
	b.Scheme = strings.ToLower(b.Scheme)
	if scheme, ok := schemeOf(b.Scheme + "://"); !ok || scheme != b.Scheme {
		return fmt.Errorf("binding for scheme %q: a scheme is a letter followed by letters, digits, +, - or dots", b.Scheme)
	}
	for _, t := range b.Types {
		if t == nil || t.PkgPath() == "" && t.Kind() != reflect.Pointer || t.Kind() == reflect.Interface {
			return fmt.Errorf("binding for scheme %q: type %v is not one of a package, nor a pointer", b.Scheme, t)
		}
	}
	if len(b.Types) > 0 && b.Open == nil {
		return errors.New("binding for scheme " + b.Scheme + ": it has types but no Open")
	}
	bs.schemes[b.Scheme] = b
	if b.Scheme == schemeMongo {
		bs.schemes[schemeSRV] = b
	}
	return nil
}

// schemeOf is the lower-case scheme of a text that looks like a URL.
func schemeOf(text string) (string, bool) {
	scheme, _, ok := strings.Cut(text, "://")
	if !ok || scheme == "" || len(scheme) > 32 {
		return "", false
	}
	for i, r := range scheme {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", r)) {
			return "", false
		}
	}
	return strings.ToLower(scheme), true
}

// forText finds the conversion that applies to a text by itself.
func (bs *bindings) forText(text string) (Binding, bool) {
	scheme, ok := schemeOf(text)
	if !ok {
		return Binding{}, false
	}
	b, ok := bs.schemes[scheme]
	return b, ok && b.Open != nil
}
