package kwargs

import (
	"fmt"
	"math"
	"math/big"
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// mismatch is what the decoders of this package return for a value that does
// not fit; the place is added further up. It never quotes the value.
type mismatch struct {
	want, got, reason string
}

func (m *mismatch) Error() string {
	return fmt.Sprintf("want %s, got %s: %s", m.want, m.got, m.reason)
}

func wrongType(t reflect.Type, got bson.Type) error {
	return &mismatch{want: t.String(), got: typeName(got)}
}

// typeName is a BSON type in words; the driver leaves the unknown ones odd.
func typeName(t bson.Type) string {
	if t == 0 {
		return "embedded document"
	}
	return t.String()
}

// number is a BSON number of any width: whole if it is an int64, else a
// float64, else (decimal128) a fraction.
type number struct {
	from  bson.Type
	whole bool
	i     int64
	f     float64
	r     *big.Rat
}

// readNumber reads a number of any width, and null as 0. ok is false for
// another type, of which nothing has been read then.
func readNumber(vr bson.ValueReader) (n number, ok bool, err error) {
	n.from = vr.Type()
	switch n.from {
	case bson.TypeInt32:
		var i int32
		i, err = vr.ReadInt32()
		n.whole, n.i = true, int64(i)
	case bson.TypeInt64:
		n.whole = true
		n.i, err = vr.ReadInt64()
	case bson.TypeDouble:
		n.f, err = vr.ReadDouble()
		// -2^63 is a float64, 2^63 the first one above all int64.
		if n.f == math.Trunc(n.f) && n.f >= -(1<<63) && n.f < 1<<63 {
			n.whole, n.i = true, int64(n.f)
		}
	case bson.TypeDecimal128:
		var d bson.Decimal128
		d, err = vr.ReadDecimal128()
		n.setDecimal(d)
	case bson.TypeNull:
		n.whole = true
		err = vr.ReadNull()
	default:
		return n, false, nil
	}
	return n, true, err
}

func (n *number) setDecimal(d bson.Decimal128) {
	switch {
	case d.IsNaN():
		n.f = math.NaN()
		return
	case d.IsInf() != 0:
		n.f = math.Inf(d.IsInf())
		return
	}
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		n.f = math.NaN()
		return
	}
	n.r = r
	if r.IsInt() && r.Num().IsInt64() {
		n.whole, n.i = true, r.Num().Int64()
	}
}

// float64 gives the number as a float64 and whether that is exactly it.
func (n *number) float64() (float64, bool) {
	switch {
	case n.from == bson.TypeDouble:
		return n.f, true
	case n.whole:
		f := float64(n.i)
		return f, f < 1<<63 && int64(f) == n.i
	case n.r != nil:
		return n.r.Float64()
	}
	return n.f, true
}

func decodeInt(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	n, ok, err := readNumber(vr)
	switch {
	case err != nil:
		return err
	case !ok:
		return wrongType(v.Type(), vr.Type())
	case !n.whole:
		return n.unfit(v.Type(), "the number is not whole or too large")
	case v.OverflowInt(n.i):
		return n.unfit(v.Type(), "the number is out of its range")
	}
	v.SetInt(n.i)
	return nil
}

func decodeUint(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	n, ok, err := readNumber(vr)
	switch {
	case err != nil:
		return err
	case !ok:
		return wrongType(v.Type(), vr.Type())
	case !n.whole:
		return n.unfit(v.Type(), "the number is not whole or too large")
	case n.i < 0 || v.OverflowUint(uint64(n.i)):
		return n.unfit(v.Type(), "the number is out of its range")
	}
	v.SetUint(uint64(n.i))
	return nil
}

func decodeFloat(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	n, ok, err := readNumber(vr)
	if err != nil {
		return err
	}
	if !ok {
		return wrongType(v.Type(), vr.Type())
	}
	f, exact := n.float64()
	if v.Kind() == reflect.Float32 && !math.IsNaN(f) {
		exact = exact && float64(float32(f)) == f
	}
	if !exact {
		return n.unfit(v.Type(), "the number does not fit exactly")
	}
	v.SetFloat(f)
	return nil
}

func (n *number) unfit(t reflect.Type, reason string) error {
	return &mismatch{want: t.String(), got: typeName(n.from), reason: reason}
}
