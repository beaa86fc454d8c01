package kwargs

import (
	"encoding"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// isHelper reports whether an embedded type says by a method NotKwargs that
// its fields are no kwargs. A struct that merely embeds such a helper has the
// method too, by promotion, and is not one.
func isHelper(t reflect.Type) bool {
	if !hasNotKwargs(t) {
		return false
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return true
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous && hasNotKwargs(f.Type) {
			return false
		}
	}
	return true
}

func hasNotKwargs(t reflect.Type) bool {
	return implements(t, reflect.TypeFor[interface{ NotKwargs() }]())
}

// implements reports whether t or *t has the methods of iface.
func implements(t, iface reflect.Type) bool {
	return t.Implements(iface) || t.Kind() != reflect.Interface && reflect.PointerTo(t).Implements(iface)
}

var (
	typeCollection = reflect.TypeFor[*mongo.Collection]()
	typeDatabase   = reflect.TypeFor[*mongo.Database]()
	typeClient     = reflect.TypeFor[*mongo.Client]()
	handleTypes    = []reflect.Type{typeCollection, typeDatabase, typeClient}

	typeTime     = reflect.TypeFor[time.Time]()
	typeDuration = reflect.TypeFor[time.Duration]()
	typeURL      = reflect.TypeFor[url.URL]()
	typeAny      = reflect.TypeFor[any]()
	typeE        = reflect.TypeFor[bson.E]()
	typeRaw      = reflect.TypeFor[bson.Raw]()
	bsonPackage  = reflect.TypeFor[bson.Binary]().PkgPath()

	marshalers = []reflect.Type{
		reflect.TypeFor[bson.Marshaler](), reflect.TypeFor[bson.ValueMarshaler](),
		reflect.TypeFor[bson.Unmarshaler](), reflect.TypeFor[bson.ValueUnmarshaler](),
	}
)

// kindTravels reports whether values of a kind can be kwargs at all.
func kindTravels(k reflect.Kind) bool {
	switch k {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128, reflect.Uintptr:
		return false
	}
	return true
}

// isLeaf reports whether the codec does not look into values of t: it is a
// type that MongoDB knows, or one that encodes itself.
func isLeaf(t reflect.Type) bool {
	if t == typeTime || t == typeURL {
		return true
	}
	if t.Kind() == reflect.Struct && t.PkgPath() == bsonPackage && t.Name() != "E" && t.Name() != "CodeWithScope" {
		return true
	}
	return encodesItself(t)
}

// encodesItself reports whether t brings its own BSON encoding or decoding.
func encodesItself(t reflect.Type) bool {
	for _, iface := range marshalers {
		if implements(t, iface) {
			return true
		}
	}
	return false
}

// isHandleValue reports whether t is what a handle of the driver points to.
func isHandleValue(t reflect.Type) bool {
	return slices.Contains(handleTypes, reflect.PointerTo(t))
}

// isPlainStruct reports whether an embedded t lends its fields to the class.
func isPlainStruct(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !isLeaf(t) && !isHandleValue(t) && !isTextStruct(t)
}

// isOpaque reports whether t is a struct that keeps all it holds to itself.
func isOpaque(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || t.NumField() == 0 || isLeaf(t) {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() || f.Anonymous {
			return false
		}
	}
	return true
}

// isTextStruct reports whether t is opaque and travels as text (netip.Addr,
// big.Int).
func isTextStruct(t reflect.Type) bool {
	return isOpaque(t) &&
		implements(t, reflect.TypeFor[encoding.TextMarshaler]()) &&
		implements(t, reflect.TypeFor[encoding.TextUnmarshaler]())
}

// join puts a key in front of a dotted path.
func join(path ...string) string {
	return strings.Join(path, ".")
}
