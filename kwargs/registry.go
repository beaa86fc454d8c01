package kwargs

import (
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
)

var (
	intKinds   = []reflect.Kind{reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64}
	uintKinds  = []reflect.Kind{reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64}
	floatKinds = []reflect.Kind{reflect.Float32, reflect.Float64}
)

// newDecodeRegistry is the driver's registry with the stricter decoders of this
// package. handle reads a text into a bound type, structs any struct.
func newDecodeRegistry(bound []reflect.Type, handle, structs bson.ValueDecoderFunc) *bson.Registry {
	r := bson.NewRegistry()
	for _, k := range intKinds {
		r.RegisterKindDecoder(k, bson.ValueDecoderFunc(decodeInt))
	}
	for _, k := range uintKinds {
		r.RegisterKindDecoder(k, bson.ValueDecoderFunc(decodeUint))
	}
	for _, k := range floatKinds {
		r.RegisterKindDecoder(k, bson.ValueDecoderFunc(decodeFloat))
	}
	r.RegisterKindDecoder(reflect.Bool, bson.ValueDecoderFunc(decodeBool))
	r.RegisterKindDecoder(reflect.String, bson.ValueDecoderFunc(decodeString))
	r.RegisterKindDecoder(reflect.Struct, structs)
	if arrays, err := r.LookupDecoder(reflect.TypeFor[[16]int]()); err == nil {
		r.RegisterKindDecoder(reflect.Array, uuidArray(arrays))
	}
	r.RegisterTypeDecoder(typeTime, bson.ValueDecoderFunc(decodeTime))
	r.RegisterTypeDecoder(typeDuration, bson.ValueDecoderFunc(decodeDuration))
	r.RegisterTypeDecoder(typeURL, bson.ValueDecoderFunc(decodeURL))
	for _, t := range handleTypes {
		r.RegisterTypeDecoder(t, handle)
	}
	for _, t := range bound {
		r.RegisterTypeDecoder(t, handle)
	}

	// What values become in a field of type any: plain Go values.
	r.RegisterTypeMapEntry(bson.TypeEmbeddedDocument, reflect.TypeFor[map[string]any]())
	r.RegisterTypeMapEntry(bson.Type(0), reflect.TypeFor[map[string]any]())
	r.RegisterTypeMapEntry(bson.TypeArray, reflect.TypeFor[[]any]())
	r.RegisterTypeMapEntry(bson.TypeDateTime, typeTime)
	r.RegisterTypeMapEntry(bson.TypeInt32, reflect.TypeFor[int64]())
	r.RegisterTypeMapEntry(bson.TypeSymbol, reflect.TypeFor[string]())
	return r
}

// newEncodeRegistry is the driver's registry with the name rules of this
// package; handle writes a value of a bound type as its text.
func newEncodeRegistry(bound []reflect.Type, handle bson.ValueEncoderFunc) *bson.Registry {
	r := bson.NewRegistry()
	r.RegisterKindEncoder(reflect.Struct, bson.ValueEncoderFunc(encodeStruct))
	r.RegisterTypeEncoder(reflect.TypeFor[*element](), bson.ValueEncoderFunc(encodeSingle))
	for _, t := range bound {
		r.RegisterTypeEncoder(t, handle)
	}
	return r
}
