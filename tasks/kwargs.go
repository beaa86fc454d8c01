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
	return checkDocument("kwargs", raw, 1, true)
}

func checkDocument(path string, raw bson.Raw, depth int, keyed bool) error {
	if depth > MaxKwargsDepth {
		return &InvalidError{Field: shorten(path), Reason: fmt.Sprintf("nested deeper than %d levels", MaxKwargsDepth)}
	}
	if err := raw.Validate(); err != nil {
		return &InvalidError{Field: shorten(path), Reason: "not a valid BSON document: " + err.Error()}
	}
	elems, err := raw.Elements()
	if err != nil {
		return &InvalidError{Field: shorten(path), Reason: err.Error()}
	}
	seen := make(map[string]struct{}, len(elems))
	for _, e := range elems {
		key := e.Key()
		if !utf8.ValidString(key) {
			return &InvalidError{Field: shorten(path), Value: fmt.Sprintf("%q", shorten(key)), Reason: "a key must be valid UTF-8"}
		}
		if _, dup := seen[key]; dup && keyed {
			return &InvalidError{Field: shorten(path), Value: shorten(key), Reason: "the key appears twice"}
		}
		seen[key] = struct{}{}
		if err := checkValue(path+"."+key, e.Value(), depth); err != nil {
			return err
		}
	}
	return nil
}

func checkValue(path string, v bson.RawValue, depth int) error {
	switch v.Type {
	case bson.TypeEmbeddedDocument:
		return checkDocument(path, v.Document(), depth+1, true)
	case bson.TypeArray:
		return checkDocument(path, bson.Raw(v.Array()), depth+1, false)
	case bson.TypeCodeWithScope:
		code, scope, ok := v.CodeWithScopeOK()
		if err := checkText(path, code, ok); err != nil {
			return err
		}
		return checkDocument(path, bson.Raw(scope), depth+1, true)
	case bson.TypeString:
		s, ok := v.StringValueOK()
		return checkText(path, s, ok)
	case bson.TypeSymbol:
		s, ok := v.SymbolOK()
		return checkText(path, s, ok)
	case bson.TypeJavaScript:
		s, ok := v.JavaScriptOK()
		return checkText(path, s, ok)
	case bson.TypeRegex:
		pattern, options, ok := v.RegexOK()
		return checkText(path, pattern+options, ok)
	case bson.TypeDateTime:
		if t := time.UnixMilli(v.DateTime()); t.Before(minDate) || t.After(maxDate) {
			return &InvalidError{Field: shorten(path), Value: fmt.Sprintf("%d ms", v.DateTime()), Reason: "a date must be in the years 1970 to 9999"}
		}
	}
	return nil
}

func checkText(path, s string, ok bool) error {
	if !ok || !utf8.ValidString(s) {
		return &InvalidError{Field: shorten(path), Reason: "text must be valid UTF-8"}
	}
	return nil
}

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
