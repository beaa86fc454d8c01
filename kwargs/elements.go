package kwargs

import (
	"bytes"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// elements walks the elements of a document. It stops where the document is
// not well-formed and says so in broken.
type elements struct {
	rest   []byte
	broken bool

	key   []byte // of the current element, as value: a part of the document
	value bsoncore.Value
}

func elementsOf(doc bson.Raw) elements {
	if len(doc) < 5 {
		return elements{broken: len(doc) > 0}
	}
	return elements{rest: doc[4:]}
}

// next goes to the next element, the first one at the first call. One byte that
// is left is the end of the document.
func (e *elements) next() bool {
	if len(e.rest) <= 1 {
		return false
	}
	elem, rest, ok := bsoncore.ReadElement(e.rest)
	if !ok {
		e.broken = true
		return false
	}
	end := 1 + bytes.IndexByte(elem[1:], 0)
	e.rest, e.key = rest, elem[1:end]
	e.value = bsoncore.Value{Type: bsoncore.Type(elem[0]), Data: elem[end+1:]}
	e.broken = e.value.Validate() != nil
	return !e.broken
}
