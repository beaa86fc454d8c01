package kwargs

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxHops bounds pointers and interfaces in a row, which a cycle can be made
// of without any struct or slice.
const maxHops = 64

// check walks a value before it is encoded and refuses what the driver's
// encoder would loop on for ever (cycles), change silently (times beyond a BSON
// date, structs that hide all they hold), or report without the place.
type check struct {
	binder *Binder
}

// value checks v; depth counts the documents and arrays around it, hops the
// pointers and interfaces right before it.
func (c check) value(v reflect.Value, depth, hops int) *EncodeError {
	if !v.IsValid() {
		return nil
	}
	if _, bound, err := c.binder.boundText(v); bound {
		if err != nil {
			return &EncodeError{Type: v.Type().String(), Err: err}
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if hops >= maxHops {
			return tooDeep(v.Type())
		}
		if v.IsNil() || v.Kind() == reflect.Pointer && traitsOf(v.Type()).encodesItself {
			return nil
		}
		return c.value(v.Elem(), depth, hops+1)
	case reflect.Uint, reflect.Uint64:
		if v.Uint() > math.MaxInt64 {
			return refused(v.Type(), "the number is above 2^63-1, which MongoDB has no integer for")
		}
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
		return c.container(v, depth+1)
	}
	if !kindTravels(v.Kind()) {
		return refused(v.Type(), "a value of this type cannot be a kwarg")
	}
	return nil
}

func (c check) container(v reflect.Value, depth int) *EncodeError {
	t := v.Type()
	tr := traitsOf(t)
	switch {
	case t == typeTime:
		at, _ := reflect.TypeAssert[time.Time](v)
		return checkTime(at)
	case t == typeRaw:
		return checkRaw(v.Interface().(bson.Raw))
	case tr.leaf || tr.text:
		return nil
	case tr.opaque || tr.handle:
		return refused(t, "it has no exported fields and would arrive empty: leave it out, or pass a text or a pointer to the handle")
	case depth > maxDepth:
		return tooDeep(t)
	}
	switch v.Kind() {
	case reflect.Map:
		return c.entries(v, depth)
	case reflect.Struct:
		return c.fields(v, depth)
	}
	return c.elements(v, depth)
}

func (c check) elements(v reflect.Value, depth int) *EncodeError {
	switch v.Type().Elem().Kind() {
	case reflect.Uint8, reflect.String, reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64:
		return nil
	}
	for i := range v.Len() {
		elem, name := v.Index(i), strconv.Itoa(i)
		if v.Type().Elem() == typeE {
			e := elem.Interface().(bson.E)
			if strings.ContainsRune(e.Key, 0) {
				return &EncodeError{Field: strconv.Quote(e.Key), Reason: "the key contains a NUL"}
			}
			elem, name = reflect.ValueOf(e.Value), e.Key
		}
		if err := c.value(elem, depth, 0); err != nil {
			return err.in(name)
		}
	}
	return nil
}

func (c check) entries(v reflect.Value, depth int) *EncodeError {
	for it := v.MapRange(); it.Next(); {
		name := ""
		switch k := it.Key(); k.Kind() {
		case reflect.String:
			name = k.String()
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			name = strconv.FormatInt(k.Int(), 10)
		default:
			name = k.Type().String() + " key"
		}
		if strings.ContainsRune(name, 0) {
			return &EncodeError{Field: strconv.Quote(name), Reason: "the key contains a NUL"}
		}
		if err := c.value(it.Value(), depth, 0); err != nil {
			return err.in(name)
		}
	}
	return nil
}

func (c check) fields(v reflect.Value, depth int) *EncodeError {
	p, err := c.binder.plan(v.Type())
	if err != nil {
		return refused(v.Type(), err.Error())
	}
	class := p.class
	for i := range class.Fields {
		f := &class.Fields[i]
		fv, ok := fieldAt(v, f.index)
		if !ok || p.leaves[i].alwaysFits() {
			continue
		}
		if err := c.value(fv, depth, 0); err != nil {
			return err.in(f.Name)
		}
	}
	if class.Rest == nil {
		return nil
	}
	rest, ok := fieldAt(v, class.Rest.index)
	if !ok {
		return nil
	}
	for it := rest.MapRange(); it.Next(); {
		if _, taken := class.Field(it.Key().String()); taken {
			return &EncodeError{Field: it.Key().String(), Reason: "the inline map has the kwarg of a field"}
		}
	}
	return c.entries(rest, depth)
}

// in puts a key in front of the path.
func (e *EncodeError) in(name string) *EncodeError {
	if e.Field != "" {
		name = join(name, e.Field)
	}
	e.Field = name
	return e
}

func checkTime(t time.Time) *EncodeError {
	if s := t.Unix(); s > math.MaxInt64/1000-1 || s < math.MinInt64/1000+1 {
		return refused(typeTime, "the year is outside a BSON date")
	}
	return nil
}

func checkRaw(raw bson.Raw) *EncodeError {
	if fault := (scan{max: maxDepth}).document(raw, 1, false); fault != nil {
		return &EncodeError{Field: fault.field(), Type: "bson.Raw", Reason: fault.reason}
	}
	return nil
}

func refused(t reflect.Type, reason string) *EncodeError {
	return &EncodeError{Type: t.String(), Reason: reason}
}

func tooDeep(t reflect.Type) *EncodeError {
	return refused(t, "it nests deeper than "+strconv.Itoa(maxDepth)+" levels, or contains itself")
}
