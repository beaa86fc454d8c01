package kwargs

import (
	"encoding"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
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
	typeBytes    = reflect.TypeFor[[]byte]()
	typeObjectID = reflect.TypeFor[bson.ObjectID]()
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

// traits is what the package has to know about a type. Finding out takes many
// questions to reflect, so the answers are kept.
type traits struct {
	encodesItself bool // it brings its own BSON encoding or decoding
	leaf          bool // the codec does not look into its values
	opaque        bool // it is a struct that keeps all it holds to itself
	text          bool // it is opaque and travels as text (netip.Addr, big.Int)
	handle        bool // it is what a handle of the driver points to
	document      bool // its values are written as a document
}

var knownTraits sync.Map // reflect.Type → *traits

func traitsOf(t reflect.Type) *traits {
	if tr, ok := knownTraits.Load(t); ok {
		return tr.(*traits)
	}
	tr, _ := knownTraits.LoadOrStore(t, findTraits(t))
	return tr.(*traits)
}

func findTraits(t reflect.Type) *traits {
	tr := &traits{handle: slices.Contains(handleTypes, reflect.PointerTo(t))}
	tr.encodesItself = slices.ContainsFunc(marshalers, func(iface reflect.Type) bool { return implements(t, iface) })
	driver := t.Kind() == reflect.Struct && t.PkgPath() == bsonPackage && t.Name() != "E" && t.Name() != "CodeWithScope"
	tr.leaf = t == typeTime || t == typeURL || driver || tr.encodesItself
	tr.opaque = !tr.leaf && showsNothing(t)
	tr.text = tr.opaque &&
		implements(t, reflect.TypeFor[encoding.TextMarshaler]()) &&
		implements(t, reflect.TypeFor[encoding.TextUnmarshaler]())
	switch t.Kind() {
	case reflect.Struct:
		tr.document = tr.encodesItself || !tr.leaf && !tr.opaque && !tr.handle
	case reflect.Map:
		tr.document = t.Key().Kind() == reflect.String
	case reflect.Slice:
		tr.document = t == typeRaw || t.Elem() == typeE
	default:
		tr.document = tr.encodesItself
	}
	return tr
}

// showsNothing reports whether t is a struct with fields, all of them unexported.
func showsNothing(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || t.NumField() == 0 {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() || f.Anonymous {
			return false
		}
	}
	return true
}

// isPlainStruct reports whether an embedded t lends its fields to the class.
func isPlainStruct(t reflect.Type) bool {
	tr := traitsOf(t)
	return t.Kind() == reflect.Struct && !tr.leaf && !tr.handle && !tr.text
}

// join puts a key in front of a dotted path.
func join(path ...string) string {
	return strings.Join(path, ".")
}
