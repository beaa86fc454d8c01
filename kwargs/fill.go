package kwargs

import (
	"fmt"
	"reflect"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// top decodes the kwargs themselves, where magic applies.
func (d *decoder) top(raw bson.Raw, dst any) error {
	rv := reflect.ValueOf(dst)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return &FieldError{Want: "a pointer to fill", Got: fmt.Sprintf("%T", dst)}
	}
	v := rv.Elem()
	if v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	tr := traitsOf(v.Type())
	switch {
	case tr.encodesItself:
	case v.Type() == typeAny:
		m := map[string]any{}
		v.Set(reflect.ValueOf(m))
		return d.fillMap(raw, reflect.ValueOf(m))
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		return d.fillMap(raw, v)
	case v.Kind() == reflect.Struct && tr.document:
		return d.fillStruct(raw, v, true)
	}
	return d.value("", bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: raw}, v)
}

// fillMap decodes into a map whose values may be handles.
func (d *decoder) fillMap(raw bson.Raw, m reflect.Value) error {
	it := elementsOf(raw)
	for it.next() {
		if err := d.entry(string(it.key), rawValue(it.value), m, true); err != nil {
			return err
		}
	}
	if it.broken {
		return &FieldError{Reason: "they are not well-formed BSON"}
	}
	return nil
}

func (d *decoder) entry(key string, value bson.RawValue, m reflect.Value, top bool) error {
	v := reflect.New(m.Type().Elem()).Elem()
	if err := d.field(key, value, v, top); err != nil {
		return err
	}
	m.SetMapIndex(reflect.ValueOf(key).Convert(m.Type().Key()), v)
	return nil
}

// fillStruct decodes into a struct by the name rules of this package.
func (d *decoder) fillStruct(raw bson.Raw, v reflect.Value, top bool) error {
	p, err := d.binder.plan(v.Type())
	if err != nil {
		return &FieldError{Reason: err.Error()}
	}
	class := p.class
	strict := isStrict(v)
	seen := make([]bool, len(class.Fields))
	it := elementsOf(raw)
	for it.next() {
		i, known := class.byName[string(it.key)]
		if !known {
			err = d.unknown(class, string(it.key), rawValue(it.value), v, strict, top)
		} else {
			seen[i] = true
			err = d.knownField(&class.Fields[i], p.leaves[i], it.value, v, top)
		}
		if err != nil {
			return err
		}
	}
	if it.broken {
		return &FieldError{Reason: "they are not well-formed BSON"}
	}
	for i := range class.Fields {
		if f := &class.Fields[i]; f.Required && !seen[i] {
			return missing(f, "nothing")
		}
	}
	return nil
}

// knownField puts a kwarg into its field.
func (d *decoder) knownField(f *Field, l *leaf, value bsoncore.Value, v reflect.Value, top bool) error {
	if f.Required && value.Type == bsoncore.TypeNull {
		return missing(f, "null") // for a required field null is as good as nothing
	}
	fv := makeFieldAt(v, f.index)
	if l != nil && l.read(fv, value) {
		return nil
	}
	return d.field(f.Name, rawValue(value), fv, top)
}

func rawValue(v bsoncore.Value) bson.RawValue {
	return bson.RawValue{Type: bson.Type(v.Type), Value: v.Data}
}

// unknown puts a kwarg without a field into the inline map, if there is one.
func (d *decoder) unknown(class *Class, key string, value bson.RawValue, v reflect.Value, strict, top bool) error {
	if class.Rest == nil {
		if strict {
			return &FieldError{Field: key, Reason: fmt.Sprintf("the class has no such kwarg (it has: %s)", strings.Join(class.Names(), ", "))}
		}
		return nil
	}
	rest := makeFieldAt(v, class.Rest.index)
	if rest.IsNil() {
		rest.Set(reflect.MakeMap(rest.Type()))
	}
	return d.entry(key, value, rest, top)
}

func isStrict(v reflect.Value) bool {
	if !v.CanAddr() {
		return false
	}
	s, ok := v.Addr().Interface().(Strict)
	return ok && s.StrictKwargs()
}

func missing(f *Field, got string) error {
	return &FieldError{Field: f.Name, Want: f.Type.String(), Got: got, Reason: "the kwarg is required"}
}

// field decodes one kwarg. At the top a text in an interface field becomes a
// value if a binding knows its scheme.
func (d *decoder) field(name string, value bson.RawValue, v reflect.Value, top bool) error {
	if value.Type == bson.TypeNull || value.Type == bson.TypeUndefined {
		v.SetZero()
		return nil
	}
	if top && v.Kind() == reflect.Interface && value.Type == bson.TypeString {
		text := value.StringValue()
		if b, ok := d.binder.bindings.forText(text); ok {
			if err := d.open(b, text, v); err != nil {
				return atField(name, value, v.Type(), err)
			}
			return nil
		}
	}
	return d.value(name, value, v)
}

// value decodes by the driver and says where it failed.
func (d *decoder) value(name string, value bson.RawValue, v reflect.Value) error {
	if err := value.UnmarshalWithRegistry(d.registry, v.Addr().Interface()); err != nil {
		return atField(name, value, v.Type(), err)
	}
	return nil
}
