package kwargs

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

const (
	// maxDepth is how deep the documents and arrays of kwargs may nest, the
	// kwargs themselves counted as the first level.
	maxDepth = 32
	// maxDecodeDepth is the same for documents that somebody else wrote: far
	// above what MongoDB stores, there only to bound the recursion.
	maxDecodeDepth = 256
)

// scan checks the structure of BSON before the driver's decoder sees it, and
// of what the encoder made before it leaves. Its errors carry the path.
type scan struct {
	max  int
	utf8 bool // also: keys and texts are UTF-8
}

// scanError is a fault at a path.
type scanError struct {
	path   []string // from the inside out
	reason string
}

func (e *scanError) Error() string { return e.reason }

func (e *scanError) field() string {
	rev := make([]string, len(e.path))
	for i, p := range e.path {
		rev[len(rev)-1-i] = p
	}
	return join(rev...)
}

func (s scan) document(doc bson.Raw, depth int, array bool) *scanError {
	if depth > s.max {
		return &scanError{reason: "it nests deeper than " + strconv.Itoa(s.max) + " levels"}
	}
	if len(doc) < 5 || int64(binary.LittleEndian.Uint32(doc)) != int64(len(doc)) || doc[len(doc)-1] != 0 {
		return malformed()
	}
	var keys uniqueKeys
	var fault *scanError // the first one inside; a broken document comes before
	it := elementsOf(doc)
	for it.next() {
		switch {
		case fault != nil:
		case !array && !keys.add(it.key):
			fault = &scanError{path: []string{string(it.key)}, reason: "the key is given twice"}
		case s.utf8 && !utf8.Valid(it.key):
			fault = &scanError{path: []string{strconv.Quote(string(it.key))}, reason: "the key is not valid UTF-8"}
		default:
			if fault = s.value(it.value, depth); fault != nil {
				fault.path = append(fault.path, string(it.key))
			}
		}
	}
	if it.broken {
		return malformed()
	}
	return fault
}

// uniqueKeys finds a key given twice; few keys need no map.
type uniqueKeys struct {
	few   [16][]byte
	count int                 // of few
	many  map[string]struct{} // all, once there are more
}

// add reports false for a key that it has.
func (u *uniqueKeys) add(key []byte) bool {
	if u.many != nil {
		before := len(u.many)
		u.many[string(key)] = struct{}{}
		return len(u.many) > before
	}
	for _, k := range u.few[:u.count] {
		if bytes.Equal(k, key) {
			return false
		}
	}
	if u.count < len(u.few) {
		u.few[u.count] = key
		u.count++
		return true
	}
	u.many = make(map[string]struct{}, 8*len(u.few))
	for _, k := range u.few {
		u.many[string(k)] = struct{}{}
	}
	u.many[string(key)] = struct{}{}
	return true
}

func (s scan) value(v bsoncore.Value, depth int) *scanError {
	switch v.Type {
	case bsoncore.TypeEmbeddedDocument:
		return s.document(v.Data, depth+1, false)
	case bsoncore.TypeArray:
		return s.document(v.Data, depth+1, true)
	case bsoncore.TypeCodeWithScope:
		_, scope, ok := v.CodeWithScopeOK()
		if !ok {
			return malformed()
		}
		return s.document(bson.Raw(scope), depth+1, false)
	case bsoncore.TypeString, bsoncore.TypeSymbol, bsoncore.TypeJavaScript:
		return s.text(v.Data)
	case bsoncore.TypeBoolean:
		if v.Data[0] > 1 {
			return malformed()
		}
	}
	return nil
}

// text checks a length, the bytes and the final NUL.
func (s scan) text(b []byte) *scanError {
	if len(b) < 5 || int64(binary.LittleEndian.Uint32(b)) != int64(len(b)-4) || b[len(b)-1] != 0 {
		return malformed()
	}
	if s.utf8 && !utf8.Valid(b[4:len(b)-1]) {
		return &scanError{reason: "the text is not valid UTF-8: use []byte"}
	}
	return nil
}

func malformed() *scanError { return &scanError{reason: "it is not well-formed BSON"} }
