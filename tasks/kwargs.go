package tasks

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// Limits of a task's kwargs. The server's own are 16 MB and 180 levels; these
// leave room for the rest of the document and for the driver's decoders.
const (
	MaxTaskBytes   = 1 << 20 // 1 MiB
	MaxKwargsDepth = 32
)

// The instants a BSON date may have here: years 1970 to 9999. Later ones cannot
// be written as JSON.
var (
	minDate = time.UnixMilli(0)
	maxDate = time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)
)

// CheckKwargs returns *InvalidError if raw cannot be stored: larger than 1 MiB,
// deeper than 32 levels, with invalid UTF-8, a duplicate key or a date outside
// the years 1970 to 9999.
func CheckKwargs(raw bson.Raw) error {
	if len(raw) > MaxTaskBytes {
		return &InvalidError{Field: "kwargs", Value: fmt.Sprintf("%d bytes", len(raw)),
			Reason: fmt.Sprintf("at most %d bytes; store large data elsewhere and pass where it is", MaxTaskBytes)}
	}
	if len(raw) < 5 || int(binary.LittleEndian.Uint32(raw)) != len(raw) {
		return &InvalidError{Field: "kwargs", Value: fmt.Sprintf("%d bytes", len(raw)), Reason: "not a valid BSON document: its length is another"}
	}
	if f := checkDocument(bsoncore.Document(raw), 1, true); f != nil {
		return f.invalid()
	}
	return nil
}

// kwargsFault is what is wrong with kwargs, and where. The place is put together on
// the way out, so that kwargs without a fault cost no memory.
type kwargsFault struct {
	path          []string // keys, the innermost first
	value, reason string
}

func (f *kwargsFault) invalid() error {
	path := append(f.path, "kwargs")
	slices.Reverse(path)
	return &InvalidError{Field: shorten(strings.Join(path, ".")), Value: f.value, Reason: f.reason}
}

func checkDocument(doc bsoncore.Document, depth int, keyed bool) *kwargsFault {
	if depth > MaxKwargsDepth {
		return &kwargsFault{reason: fmt.Sprintf("nested deeper than %d levels", MaxKwargsDepth)}
	}
	if err := doc.Validate(); err != nil {
		return &kwargsFault{reason: "not a valid BSON document: " + err.Error()}
	}
	var keys keySet
	for rest := []byte(doc[4:]); len(rest) > 1; {
		var e bsoncore.Element
		e, rest, _ = bsoncore.ReadElement(rest) // Validate has read it
		key := e.KeyBytes()
		if !utf8.Valid(key) {
			return &kwargsFault{value: fmt.Sprintf("%q", shorten(string(key))), reason: "a key must be valid UTF-8"}
		}
		if keyed && !keys.add(key) {
			return &kwargsFault{value: shorten(string(key)), reason: "the key appears twice"}
		}
		if f := checkValue(e.Value(), depth); f != nil {
			f.path = append(f.path, string(key))
			return f
		}
	}
	return nil
}

// keySet finds a key that appears twice; few keys need no map.
type keySet struct {
	few   [16][]byte
	count int                 // of few
	many  map[string]struct{} // all, once there are more
}

// add reports false for a key that it has.
func (s *keySet) add(key []byte) bool {
	if s.many != nil {
		before := len(s.many)
		s.many[string(key)] = struct{}{}
		return len(s.many) > before
	}
	for _, k := range s.few[:s.count] {
		if bytes.Equal(k, key) {
			return false
		}
	}
	if s.count < len(s.few) {
		s.few[s.count] = key
		s.count++
		return true
	}
	s.many = make(map[string]struct{}, 8*len(s.few))
	for _, k := range s.few {
		s.many[string(k)] = struct{}{}
	}
	s.many[string(key)] = struct{}{}
	return true
}

func checkValue(v bsoncore.Value, depth int) *kwargsFault {
	switch v.Type {
	case bsoncore.TypeEmbeddedDocument:
		return checkDocument(v.Data, depth+1, true)
	case bsoncore.TypeArray:
		return checkDocument(v.Data, depth+1, false)
	case bsoncore.TypeCodeWithScope:
		code, scope, ok := v.CodeWithScopeOK()
		if !ok || !utf8.ValidString(code) {
			return badText()
		}
		return checkDocument(scope, depth+1, true)
	case bsoncore.TypeString, bsoncore.TypeSymbol, bsoncore.TypeJavaScript:
		// Four bytes of length, the text, and a NUL.
		if len(v.Data) < 5 || !utf8.Valid(v.Data[4:len(v.Data)-1]) {
			return badText()
		}
	case bsoncore.TypeRegex:
		if pattern, options, ok := v.RegexOK(); !ok || !utf8.ValidString(pattern+options) {
			return badText()
		}
	case bsoncore.TypeDateTime:
		if t := time.UnixMilli(v.DateTime()); t.Before(minDate) || t.After(maxDate) {
			return &kwargsFault{value: fmt.Sprintf("%d ms", v.DateTime()), reason: "a date must be in the years 1970 to 9999"}
		}
	}
	return nil
}

func badText() *kwargsFault { return &kwargsFault{reason: "text must be valid UTF-8"} }

// KwargsEqual reports whether two kwargs documents hold the same values. The
// order of keys and the width of numbers do not count: {a: 1, b: 2.0} equals
// {b: 2, a: 1}. NaN equals NaN, and −0 equals 0.
func KwargsEqual(a, b bson.Raw) bool {
	if bytes.Equal(a, b) {
		return true
	}
	ea, errA := a.Elements()
	eb, errB := b.Elements()
	if errA != nil || errB != nil || len(ea) != len(eb) {
		return false
	}
	byKey := func(x, y bson.RawElement) int { return strings.Compare(x.Key(), y.Key()) }
	slices.SortStableFunc(ea, byKey)
	slices.SortStableFunc(eb, byKey)
	for i := range ea {
		if ea[i].Key() != eb[i].Key() || !valueEqual(ea[i].Value(), eb[i].Value()) {
			return false
		}
	}
	return true
}

func valueEqual(a, b bson.RawValue) bool {
	if na, ok := number(a); ok {
		nb, ok := number(b)
		return ok && na == nb
	}
	if a.Type != b.Type || bytes.Equal(a.Value, b.Value) {
		return a.Type == b.Type
	}
	switch a.Type {
	case bson.TypeEmbeddedDocument:
		return KwargsEqual(a.Document(), b.Document())
	case bson.TypeArray:
		va, errA := a.Array().Values()
		vb, errB := b.Array().Values()
		return errA == nil && errB == nil && slices.EqualFunc(va, vb, valueEqual)
	}
	return false
}

// number returns the exact value of a BSON number in a form that compares by ==.
func number(v bson.RawValue) (string, bool) {
	switch v.Type {
	case bson.TypeInt32:
		return fmt.Sprint(v.Int32()), true
	case bson.TypeInt64:
		return fmt.Sprint(v.Int64()), true
	case bson.TypeDouble:
		f := v.Double()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Sprint(f), true
		}
		return new(big.Rat).SetFloat64(f).RatString(), true
	case bson.TypeDecimal128:
		d := v.Decimal128()
		if d.IsNaN() {
			return fmt.Sprint(math.NaN()), true
		}
		if sign := d.IsInf(); sign != 0 {
			return fmt.Sprint(math.Inf(sign)), true
		}
		return decimal(d), true
	}
	return "", false
}

// decimal writes a finite Decimal128 as an exact fraction, or with its exponent
// if that is beyond the range of a double, where nothing of another type equals
// it.
func decimal(d bson.Decimal128) string {
	coefficient, exp, err := d.BigInt()
	if err != nil {
		return d.String()
	}
	ten, rest := big.NewInt(10), new(big.Int)
	for coefficient.Sign() != 0 {
		quotient, r := new(big.Int).QuoRem(coefficient, ten, rest)
		if r.Sign() != 0 {
			break
		}
		coefficient, exp = quotient, exp+1
	}
	if coefficient.Sign() == 0 {
		return "0"
	}
	if exp > 400 || exp < -400 {
		return fmt.Sprintf("%sE%d", coefficient, exp)
	}
	scale := new(big.Int).Exp(ten, big.NewInt(int64(max(exp, -exp))), nil)
	if exp >= 0 {
		return new(big.Int).Mul(coefficient, scale).String()
	}
	return new(big.Rat).SetFrac(coefficient, scale).RatString()
}
