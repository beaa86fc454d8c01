package kwargs

import (
	"encoding/binary"
	"math"
	"reflect"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// leaf writes and reads the fields of one kind of type without the driver's
// codec, in a tenth of the time. What it writes is what the codec would. It reads
// only the BSON type that it expects, and leaves the rest to the codec, which
// has the conversions and the error texts.
type leaf struct {
	write func(dst []byte, key string, v reflect.Value) []byte
	read  func(v reflect.Value, in bsoncore.Value) bool // false: v is as it was
	fits  bool                                          // no value is refused by check
}

// alwaysFits is also for a field without a leaf.
func (l *leaf) alwaysFits() bool { return l != nil && l.fits }

var (
	boolLeaf   = &leaf{writeBool, readBool, true}
	narrowLeaf = &leaf{writeInt32, readInt, true}
	intLeaf    = &leaf{writeInt, readInt, true}
	wideLeaf   = &leaf{writeInt64, readInt, true}
	floatLeaf  = &leaf{writeFloat, readFloat, true}
	textLeaf   = &leaf{writeString, readString, true}

	narrowUintLeaf = &leaf{writeUint32, readUint, true}
	uint32Leaf     = &leaf{writeUint64, readUint, true}
	wideUintLeaf   = &leaf{writeUint64, readUint, false}

	timeLeaf     = &leaf{writeTime, readTime, false}
	bytesLeaf    = &leaf{writeBytes, readBytes, false}
	objectIDLeaf = &leaf{writeObjectID, readObjectID, false}
)

// leafOf finds the leaf for a type; nil is none.
func (bs *bindings) leafOf(t reflect.Type) *leaf {
	if _, bound := bs.texts[t]; bound || traitsOf(t).encodesItself {
		return nil
	}
	switch {
	case t == typeTime:
		return timeLeaf
	case t == typeBytes:
		return bytesLeaf
	case t == typeObjectID:
		return objectIDLeaf
	case t.PkgPath() == bsonPackage || t.PkgPath() == "encoding/json":
		return nil // the driver has codecs for types of these packages, as json.Number
	}
	switch t.Kind() {
	case reflect.Bool:
		return boolLeaf
	case reflect.Int8, reflect.Int16, reflect.Int32:
		return narrowLeaf
	case reflect.Int:
		return intLeaf
	case reflect.Int64:
		return wideLeaf
	case reflect.Uint8, reflect.Uint16:
		return narrowUintLeaf
	case reflect.Uint32:
		return uint32Leaf
	case reflect.Uint, reflect.Uint64:
		return wideUintLeaf
	case reflect.Float32, reflect.Float64:
		return floatLeaf
	case reflect.String:
		return textLeaf
	}
	return nil
}

func writeBool(dst []byte, key string, v reflect.Value) []byte {
	return bsoncore.AppendBooleanElement(dst, key, v.Bool())
}

func writeInt(dst []byte, key string, v reflect.Value) []byte {
	if n := v.Int(); n < math.MinInt32 || n > math.MaxInt32 {
		return writeInt64(dst, key, v)
	}
	return writeInt32(dst, key, v)
}

func writeInt32(dst []byte, key string, v reflect.Value) []byte {
	return bsoncore.AppendInt32Element(dst, key, int32(v.Int()))
}

func writeInt64(dst []byte, key string, v reflect.Value) []byte {
	return bsoncore.AppendInt64Element(dst, key, v.Int())
}

func writeUint32(dst []byte, key string, v reflect.Value) []byte {
	return bsoncore.AppendInt32Element(dst, key, int32(v.Uint()))
}

// writeUint64 relies on check for numbers above 2^63-1.
func writeUint64(dst []byte, key string, v reflect.Value) []byte {
	return bsoncore.AppendInt64Element(dst, key, int64(v.Uint()))
}

func writeFloat(dst []byte, key string, v reflect.Value) []byte {
	return bsoncore.AppendDoubleElement(dst, key, v.Float())
}

func writeString(dst []byte, key string, v reflect.Value) []byte {
	return bsoncore.AppendStringElement(dst, key, v.String())
}

func writeTime(dst []byte, key string, v reflect.Value) []byte {
	at, _ := reflect.TypeAssert[time.Time](v)
	return bsoncore.AppendDateTimeElement(dst, key, int64(bson.NewDateTimeFromTime(at)))
}

func writeBytes(dst []byte, key string, v reflect.Value) []byte {
	if v.IsNil() {
		return bsoncore.AppendNullElement(dst, key)
	}
	return bsoncore.AppendBinaryElement(dst, key, bson.TypeBinaryGeneric, v.Bytes())
}

func writeObjectID(dst []byte, key string, v reflect.Value) []byte {
	id, _ := reflect.TypeAssert[bson.ObjectID](v)
	return bsoncore.AppendObjectIDElement(dst, key, id)
}

func readBool(v reflect.Value, in bsoncore.Value) bool {
	b, ok := in.BooleanOK()
	if ok {
		v.SetBool(b)
	}
	return ok
}

// wholeNumber reads an integer of either width.
func wholeNumber(in bsoncore.Value) (int64, bool) {
	if in.Type == bsoncore.TypeInt32 {
		n, ok := in.Int32OK()
		return int64(n), ok
	}
	return in.Int64OK()
}

func readInt(v reflect.Value, in bsoncore.Value) bool {
	n, ok := wholeNumber(in)
	if !ok || v.OverflowInt(n) {
		return false
	}
	v.SetInt(n)
	return true
}

func readUint(v reflect.Value, in bsoncore.Value) bool {
	n, ok := wholeNumber(in)
	if !ok || n < 0 || v.OverflowUint(uint64(n)) {
		return false
	}
	v.SetUint(uint64(n))
	return true
}

func readFloat(v reflect.Value, in bsoncore.Value) bool {
	f, ok := in.DoubleOK()
	if !ok || v.Kind() == reflect.Float32 && float64(float32(f)) != f {
		return false
	}
	v.SetFloat(f)
	return true
}

func readString(v reflect.Value, in bsoncore.Value) bool {
	s, ok := in.StringValueOK()
	if ok {
		v.SetString(s)
	}
	return ok
}

func readTime(v reflect.Value, in bsoncore.Value) bool {
	ms, ok := in.DateTimeOK()
	if ok {
		*v.Addr().Interface().(*time.Time) = bson.DateTime(ms).Time().UTC()
	}
	return ok
}

// readBytes takes the one subtype whose layout all readers agree on.
func readBytes(v reflect.Value, in bsoncore.Value) bool {
	const head = 4 + 1 // the length and the subtype
	if in.Type != bsoncore.TypeBinary || len(in.Data) < head || in.Data[4] != bson.TypeBinaryGeneric ||
		int64(binary.LittleEndian.Uint32(in.Data)) != int64(len(in.Data)-head) {
		return false
	}
	v.SetBytes(append([]byte{}, in.Data[head:]...))
	return true
}

func readObjectID(v reflect.Value, in bsoncore.Value) bool {
	id, ok := in.ObjectIDOK()
	if ok {
		*v.Addr().Interface().(*bson.ObjectID) = id
	}
	return ok
}
