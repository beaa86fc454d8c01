package kwargs

import (
	"encoding/binary"
	"slices"
	"strconv"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
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
	elems, err := doc.Elements()
	if err != nil {
		return malformed()
	}
	var keys uniqueKeys
	for _, elem := range elems {
		key, err := elem.KeyErr()
		if err != nil {
			return malformed()
		}
		if !array && !keys.add(key) {
			return &scanError{path: []string{key}, reason: "the key is given twice"}
		}
		if err := s.element(key, elem, depth); err != nil {
			return err
		}
	}
	return nil
}

func (s scan) element(key string, elem bson.RawElement, depth int) *scanError {
	if s.utf8 && !utf8.ValidString(key) {
		return &scanError{path: []string{strconv.Quote(key)}, reason: "the key is not valid UTF-8"}
	}
	v, err := elem.ValueErr()
	if err != nil {
		return malformed()
	}
	fault := s.value(v, depth)
	if fault != nil {
		fault.path = append(fault.path, key)
	}
	return fault
}

// uniqueKeys finds a key given twice; few keys need no map.
type uniqueKeys struct {
	few  []string
	many map[string]bool
}

func (u *uniqueKeys) add(key string) bool {
	switch {
	case u.many[key] || slices.Contains(u.few, key):
		return false
	case u.many != nil:
		u.many[key] = true
	case len(u.few) < 16:
		u.few = append(u.few, key)
	default:
		u.many = map[string]bool{key: true}
	}
	return true
}

func (s scan) value(v bson.RawValue, depth int) *scanError {
	switch v.Type {
	case bson.TypeEmbeddedDocument:
		return s.document(v.Value, depth+1, false)
	case bson.TypeArray:
		return s.document(v.Value, depth+1, true)
	case bson.TypeCodeWithScope:
		_, scope, ok := v.CodeWithScopeOK()
		if !ok {
			return malformed()
		}
		return s.document(scope, depth+1, false)
	case bson.TypeString, bson.TypeSymbol, bson.TypeJavaScript:
		return s.text(v.Value)
	case bson.TypeBoolean:
		if v.Value[0] > 1 {
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
