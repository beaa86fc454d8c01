package kwargs

import (
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

func decimal(t *testing.T, s string) bson.Decimal128 {
	t.Helper()
	d, err := bson.ParseDecimal128(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestNumbers converts numbers of every BSON width to every Go width: exactly,
// or not at all.
func TestNumbers(t *testing.T) {
	b := newTestBinder(t, Options{})
	for _, c := range []struct {
		in   any
		zero any
		want any // nil: refused
	}{
		{int32(1), int(0), 1}, {int64(1), int8(0), int8(1)}, {1.0, int16(0), int16(1)}, {int64(math.MaxInt64), int64(0), int64(math.MaxInt64)},
		{int64(math.MinInt64), int64(0), int64(math.MinInt64)}, {float64(math.MinInt64), int64(0), int64(math.MinInt64)},
		{float64(1 << 63), int64(0), nil}, {math.NaN(), int(0), nil}, {math.Inf(1), int(0), nil}, {math.Inf(-1), int64(0), nil}, {-1e300, int64(0), nil},
		{1.5, int(0), nil}, {int32(128), int8(0), nil}, {int32(-129), int8(0), nil}, {math.Copysign(0, -1), int(0), 0},
		{int32(-1), uint(0), nil}, {int32(255), uint8(0), uint8(255)}, {int32(256), uint8(0), nil}, {int64(math.MaxInt64), uint64(0), uint64(math.MaxInt64)},
		{1.5, uint(0), nil}, {float64(1 << 63), uint64(0), nil}, {true, uint(0), nil}, {"1", uint(0), nil},
		{int64(1<<53 + 1), float64(0), nil}, {int64(1 << 53), float64(0), float64(1 << 53)}, {int64(math.MaxInt64), float64(0), nil},
		{int64(math.MinInt64), float64(0), float64(math.MinInt64)}, {0.5, float32(0), float32(0.5)}, {0.1, float32(0), nil},
		{math.Inf(1), float32(0), float32(math.Inf(1))}, {1e300, float32(0), nil}, {int32(1<<24 + 1), float32(0), nil}, {"x", float64(0), nil},
		{decimal(t, "5"), int(0), 5}, {decimal(t, "5.0"), int8(0), int8(5)}, {decimal(t, "5.5"), int(0), nil}, {decimal(t, "1E+3"), int64(0), int64(1000)},
		{decimal(t, "1E+6000"), int64(0), nil}, {decimal(t, "NaN"), int64(0), nil}, {decimal(t, "0.5"), float64(0), 0.5}, {decimal(t, "0.1"), float64(0), nil},
		{decimal(t, "-Infinity"), float64(0), math.Inf(-1)}, {decimal(t, "1E-6000"), float64(0), nil}, {decimal(t, "7"), uint16(0), uint16(7)},
		{true, int(0), nil}, {false, float64(0), nil}, {int32(1), false, nil}, {true, false, true}, {1.0, false, nil},
		{nil, int(0), 0}, {nil, true, false}, {nil, 1.5, 0.0},
	} {
		v := reflect.New(reflect.TypeOf(c.zero))
		cls := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "X", Type: v.Type().Elem()}}))
		release, err := b.Decode(t.Context(), doc(t, "x", c.in), cls.Interface())
		release()
		got := cls.Elem().Field(0).Interface()
		switch {
		case c.want == nil && err == nil:
			t.Errorf("%T %v into %T: got %v, want an error", c.in, c.in, c.zero, got)
		case c.want != nil && err != nil:
			t.Errorf("%T %v into %T: %v", c.in, c.in, c.zero, err)
		case c.want != nil && got != c.want:
			t.Errorf("%T %v into %T: got %v", c.in, c.in, c.zero, got)
		}
	}
}

// samples has a value of every BSON type.
func samples(t *testing.T) map[bson.Type]any {
	return map[bson.Type]any{
		bson.TypeDouble: 1.25, bson.TypeString: "secret", bson.TypeEmbeddedDocument: bson.D{{Key: "k", Value: "secret"}}, bson.TypeArray: bson.A{"secret"},
		bson.TypeBinary: bson.Binary{Subtype: 0x80, Data: []byte("secret")}, bson.TypeUndefined: bson.Undefined{}, bson.TypeObjectID: bson.NewObjectID(),
		bson.TypeBoolean: true, bson.TypeDateTime: bson.DateTime(0), bson.TypeNull: bson.Null{}, bson.TypeRegex: bson.Regex{Pattern: "secret"},
		bson.TypeDBPointer: bson.DBPointer{DB: "secret"}, bson.TypeJavaScript: bson.JavaScript("secret"), bson.TypeSymbol: bson.Symbol("secret"),
		bson.TypeCodeWithScope: bson.CodeWithScope{Code: "secret", Scope: bson.D{}}, bson.TypeInt32: int32(5), bson.TypeTimestamp: bson.Timestamp{T: 1},
		bson.TypeInt64: int64(1) << 40, bson.TypeDecimal128: decimal(t, "1.5"), bson.TypeMinKey: bson.MinKey{}, bson.TypeMaxKey: bson.MaxKey{},
	}
}

// TestWrongTypes gives every BSON type to every kind of field: those named fit,
// all others are refused naming field and type and not the value.
func TestWrongTypes(t *testing.T) {
	b := newTestBinder(t, Options{})
	always := []bson.Type{bson.TypeNull, bson.TypeUndefined}
	for _, c := range []struct {
		field any
		fits  []bson.Type
	}{
		{int(0), []bson.Type{bson.TypeInt32, bson.TypeInt64}},
		{int8(0), []bson.Type{bson.TypeInt32}},
		{uint64(0), []bson.Type{bson.TypeInt32, bson.TypeInt64}},
		{float64(0), []bson.Type{bson.TypeInt32, bson.TypeInt64, bson.TypeDouble, bson.TypeDecimal128}},
		{"", []bson.Type{bson.TypeString, bson.TypeSymbol}},
		{false, []bson.Type{bson.TypeBoolean}},
		{time.Time{}, []bson.Type{bson.TypeDateTime}},
		{time.Duration(0), []bson.Type{bson.TypeInt32, bson.TypeInt64}},
		{bson.ObjectID{}, []bson.Type{bson.TypeObjectID}},
		{[16]byte{}, nil},
		{[]string(nil), []bson.Type{bson.TypeArray}},
		{[1]string{}, []bson.Type{bson.TypeArray}},
		{map[string]string(nil), []bson.Type{bson.TypeEmbeddedDocument}},
		{nested{}, []bson.Type{bson.TypeEmbeddedDocument}},
		{(*nested)(nil), []bson.Type{bson.TypeEmbeddedDocument}},
		{netip.Addr{}, nil},
		{bson.Decimal128{}, []bson.Type{bson.TypeDecimal128}},
		{bson.Regex{}, []bson.Type{bson.TypeRegex}},
	} {
		cls := reflect.StructOf([]reflect.StructField{{Name: "X", Type: reflect.TypeOf(c.field)}})
		for typ, value := range samples(t) {
			dst := reflect.New(cls)
			release, err := b.Decode(t.Context(), doc(t, "x", value), dst.Interface())
			release()
			fits := false
			for _, f := range append(c.fits, always...) {
				fits = fits || f == typ
			}
			if fits != (err == nil) {
				t.Errorf("%s into %T: error %v", typ, c.field, err)
			}
			if err != nil && (strings.Contains(err.Error(), "secret") || !names(err, typ)) {
				t.Errorf("%s into %T: %v", typ, c.field, err)
			}
		}
	}
}

// names reports whether an error names the field and the type, or an element.
func names(err error, typ bson.Type) bool {
	return strings.Contains(err.Error(), `"x.0"`) || strings.Contains(err.Error(), `"x"`) && strings.Contains(err.Error(), typ.String())
}

func TestAnyTakesEverything(t *testing.T) {
	b := newTestBinder(t, Options{})
	for typ, value := range samples(t) {
		var c struct{ X any }
		decode(t, b, doc(t, "x", value), &c)
		again := encode(t, b, c)
		got := again.Lookup("x").Type
		switch typ {
		case bson.TypeInt32:
			typ = bson.TypeInt64
		case bson.TypeUndefined:
			typ = bson.TypeNull
		case bson.TypeSymbol:
			typ = bson.TypeString
		}
		if got != typ {
			t.Errorf("%s became %s (%T)", typ, got, c.X)
		}
	}
}

func TestTextForms(t *testing.T) {
	type class struct {
		At   time.Time
		For  time.Duration
		Addr netip.Addr
		Link *url.URL
		UUID [16]byte
	}
	b := newTestBinder(t, Options{})
	var c class
	decode(t, b, doc(t, "at", "2024-02-29T12:00:00.5+02:00", "for", "1m30s", "addr", "10.0.0.1", "link", "https://x/y",
		"uuid", bson.Binary{Subtype: bson.TypeBinaryUUID, Data: []byte("0123456789abcdef")}), &c)
	if got := fmt.Sprintf("%v %v %v %v %s", c.At, c.For, c.Addr, c.Link, c.UUID[:]); got !=
		"2024-02-29 10:00:00.5 +0000 UTC 1m30s 10.0.0.1 https://x/y 0123456789abcdef" {
		t.Error(got)
	}
	for _, raw := range []bson.Raw{
		doc(t, "at", "secret"), doc(t, "for", "secret"), doc(t, "addr", "secret"), doc(t, "link", "https://u:secret@%zz/"),
		doc(t, "uuid", bson.Binary{Subtype: bson.TypeBinaryUUID, Data: []byte("secret")}),
	} {
		if fe := decodeErr(t, b, raw, &class{}); strings.Contains(fe.Error(), "secret") || fe.Got == "" || fe.Reason == "" {
			t.Errorf("%s: %v", raw, fe)
		}
	}
}

func TestDates(t *testing.T) {
	b := newTestBinder(t, Options{})
	for _, ms := range []int64{0, -1, math.MaxInt64, math.MinInt64, time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()} {
		var c struct{ At time.Time }
		decode(t, b, doc(t, "at", bson.DateTime(ms)), &c)
		raw, err := b.Encode(c)
		if err != nil {
			if !isEncodeError(err, "at") || ms != math.MaxInt64 && ms != math.MinInt64 {
				t.Errorf("%d: %v", ms, err)
			}
			continue
		}
		if got := raw.Lookup("at").DateTime(); got != ms {
			t.Errorf("%d came back as %d", ms, got)
		}
	}
}
