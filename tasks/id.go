package tasks

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// maxStringID is the longest string accepted as a task's _id, in bytes.
const maxStringID = 128

// ID is the _id of a task: an ObjectID for tasks that lgtask makes itself; a
// string of up to 128 bytes, an integer or a UUID for tasks inserted by others,
// and "uid:number" for the runs of a schedule. It is comparable and its zero
// value is no ID.
type ID struct {
	kind bson.Type
	data string // the BSON value's bytes
}

// NewID returns a new unique ID.
func NewID() ID { return ObjectID(bson.NewObjectID()) }

// ObjectID returns the ID with the given ObjectID as its value.
func ObjectID(oid bson.ObjectID) ID { return ID{bson.TypeObjectID, string(oid[:])} }

// StringID returns the ID with the given text as its value. It returns
// *InvalidError if the text is empty or longer than 128 bytes.
func StringID(s string) (ID, error) {
	typ, data, err := bson.MarshalValue(s)
	if err != nil {
		return ID{}, &InvalidError{Field: "_id", Value: s, Reason: err.Error()}
	}
	return idOf(bson.RawValue{Type: typ, Value: data})
}

// ParseID reads an ObjectID or a string as String wrote it: 24 hexadecimal digits
// are an ObjectID, anything else is a string. The text of an integer or a UUID
// is read as a string too, which is another ID.
func ParseID(s string) (ID, error) {
	if oid, err := bson.ObjectIDFromHex(s); err == nil {
		return ObjectID(oid), nil
	}
	return StringID(s)
}

// idOf checks that v can be the _id of a task that runs.
func idOf(v bson.RawValue) (ID, error) {
	bad := func(reason string) (ID, error) {
		return ID{}, &InvalidError{Field: "_id", Value: shorten(v.String()), Reason: reason}
	}
	switch v.Type {
	case bson.TypeObjectID, bson.TypeInt32, bson.TypeInt64:
	case bson.TypeString:
		s := v.StringValue()
		if len(s) == 0 || len(s) > maxStringID {
			return bad(fmt.Sprintf("a string _id has 1 to %d bytes", maxStringID))
		}
		if !utf8.ValidString(s) {
			return bad("a string _id must be valid UTF-8")
		}
	case bson.TypeBinary:
		if sub, b := v.Binary(); sub != bson.TypeBinaryUUID || len(b) != 16 {
			return bad("a binary _id must be a UUID (subtype 4, 16 bytes)")
		}
	default:
		return bad("an _id must be an ObjectID, a string, an integer or a UUID, not " + v.Type.String())
	}
	return ID{v.Type, string(v.Value)}, nil
}

// IsZero reports whether id is no ID.
func (id ID) IsZero() bool { return id.kind == 0 }

// String returns the value as text: the hexadecimal form of an ObjectID or a
// UUID, the string or the number itself.
func (id ID) String() string {
	raw := bson.RawValue{Type: id.kind, Value: []byte(id.data)}
	switch id.kind {
	case bson.TypeObjectID:
		return raw.ObjectID().Hex()
	case bson.TypeString:
		return raw.StringValue()
	case bson.TypeInt32:
		return strconv.FormatInt(int64(int32(binary.LittleEndian.Uint32([]byte(id.data)))), 10)
	case bson.TypeInt64:
		return strconv.FormatInt(raw.Int64(), 10)
	case bson.TypeBinary:
		_, b := raw.Binary()
		return hex.EncodeToString(b)
	}
	return ""
}

// MarshalBSONValue implements bson.ValueMarshaler.
func (id ID) MarshalBSONValue() (byte, []byte, error) {
	if id.IsZero() {
		return byte(bson.TypeNull), nil, nil
	}
	return byte(id.kind), []byte(id.data), nil
}

// UnmarshalBSONValue implements bson.ValueUnmarshaler. It accepts any value, so
// that a foreign document can be read and told what is wrong with it.
func (id *ID) UnmarshalBSONValue(typ byte, data []byte) error {
	*id = ID{bson.Type(typ), string(data)}
	return nil
}

// MarshalText implements encoding.TextMarshaler, for JSON.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// smallerTypes returns the types whose values all sort before id, as $type wants
// them: a comparison finds only values of its own type. minKey sorts before all,
// so that the list is never empty.
func (id ID) smallerTypes() bson.A {
	types := bson.A{"minKey", "number", "string", "object", "binData"}
	switch id.kind {
	case bson.TypeString:
		return types[:2]
	case bson.TypeBinary:
		return types[:4]
	case bson.TypeObjectID:
		return types
	}
	return types[:1]
}

// amongIDs is the condition that _id is one of ids, encoded: a claim or an end of
// a thousand tasks spends more on encoding them value by value than on all else.
func amongIDs(ids []ID) bson.E {
	at, dst := bsoncore.AppendDocumentStart(make([]byte, 0, 24+len(ids)*20))
	list, dst := bsoncore.AppendArrayElementStart(dst, "$in")
	for i, id := range ids {
		dst = append(dst, byte(id.kind))
		dst = strconv.AppendInt(dst, int64(i), 10)
		dst = append(dst, 0)
		dst = append(dst, id.data...)
	}
	dst, _ = bsoncore.AppendArrayEnd(dst, list) // fails only on an index that is none
	dst, _ = bsoncore.AppendDocumentEnd(dst, at)
	return bson.E{Key: "_id", Value: bson.Raw(dst)}
}

// Hash returns a number that is the same for the same ID everywhere (FNV-1a).
func (id ID) Hash() uint64 {
	h := uint64(14695981039346656037)
	for i := range len(id.data) {
		h = (h ^ uint64(id.data[i])) * 1099511628211
	}
	return h
}
