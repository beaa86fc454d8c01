package kwargs

import (
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// fieldAt finds a field by its index path; false if it lies in an embedded
// pointer that is nil.
func fieldAt(v reflect.Value, index []int) (reflect.Value, bool) {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// makeFieldAt is fieldAt for a struct to fill: it allocates what is nil.
func makeFieldAt(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// encodeStruct writes any struct by the name rules of this package.
func encodeStruct(ec bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	if traitsOf(v.Type()).text {
		return encodeTextStruct(vw, v)
	}
	class, err := Fields(v.Type())
	if err != nil {
		return err
	}
	dw, err := vw.WriteDocument()
	if err != nil {
		return err
	}
	for _, f := range class.Fields {
		fv, ok := fieldAt(v, f.index)
		if !ok || f.OmitEmpty && isEmpty(fv) {
			continue
		}
		if err := encodeElement(ec, dw, f.Name, fv); err != nil {
			return err
		}
	}
	if class.Rest != nil {
		if rest, ok := fieldAt(v, class.Rest.index); ok {
			for it := rest.MapRange(); it.Next(); {
				if err := encodeElement(ec, dw, it.Key().String(), it.Value()); err != nil {
					return err
				}
			}
		}
	}
	return dw.WriteDocumentEnd()
}

func encodeElement(ec bson.EncodeContext, dw bson.DocumentWriter, name string, v reflect.Value) error {
	vw, err := dw.WriteDocumentElement(name)
	if err != nil {
		return err
	}
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return vw.WriteNull()
	}
	enc, err := ec.LookupEncoder(v.Type())
	if err != nil {
		return err
	}
	return enc.EncodeValue(ec, vw, v)
}

// isEmpty is what omitempty means: false, zero, nil, empty, or IsZero.
func isEmpty(v reflect.Value) bool {
	if z, ok := v.Interface().(bson.Zeroer); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		return z.IsZero()
	}
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}
