package kwargs

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

type (
	myBool   bool
	myInt    int
	myInt64  int64
	myUint   uint16
	myFloat  float32
	myString string
	myBytes  []byte

	// shown is an int with an encoding of its own, ticket one with a binding.
	shown  int
	ticket int

	// seat is a struct with the same binding.
	seat struct{ N int }
)

func (s shown) MarshalBSONValue() (byte, []byte, error) {
	return byte(bson.TypeString), []byte{2, 0, 0, 0, 'a' + byte(s&7), 0}, nil
}

func (shown) MarshalText() ([]byte, error) { return []byte("not used"), nil }

// marked has a method of its own only as a pointer, which counts where it can be addressed.
type marked struct{ N int }

func (m *marked) MarshalBSONValue() (byte, []byte, error) {
	return byte(bson.TypeBoolean), []byte{byte(m.N & 1)}, nil
}

func ticketBinding() Binding {
	return Binding{
		Scheme: "ticket", Types: []reflect.Type{reflect.TypeFor[ticket](), reflect.TypeFor[seat]()},
		Open: func(_ context.Context, text string, want reflect.Type) (any, func(), error) {
			if want.Kind() == reflect.Interface {
				return text, nil, nil
			}
			return ticket(len(text)), nil, nil
		},
		Text: func(v any) (string, error) {
			if v == ticket(-1) {
				return "", fmt.Errorf("%v is void", v)
			}
			return fmt.Sprintf("ticket://%v", v), nil
		},
	}
}

type inner struct {
	N   int
	S   string `bson:",omitempty"`
	At  time.Time
	Raw []byte
	Up  *inner
}

// leafy has fields of every leaf, and of types that look like one.
type leafy struct {
	inner
	*Public
	B   bool
	I   int
	I8  int8
	I16 int16
	I32 int32 `bson:",omitempty"`
	I64 int64
	U   uint
	U8  uint8
	U16 uint16
	U32 uint32
	U64 uint64
	F32 float32
	F64 float64
	T   string
	At2 time.Time `bson:",omitempty"`
	For time.Duration
	Bin []byte `bson:",omitempty"`
	OID bson.ObjectID

	MyB   myBool
	MyI   myInt
	MyI64 myInt64
	MyU   myUint
	MyF   myFloat
	MyT   myString `lgtask:"required"`
	MyBin myBytes

	Num    json.Number
	Date   bson.DateTime
	Sym    bson.Symbol
	UUID   [16]byte
	Addr   netip.Addr
	Shown  shown
	Marked marked
	Ptr    *marked
	Ticket ticket
	PI     *int64
	In     inner
	List   []inner
	Ts     []string
	Any    any
}

var edges = []int64{0, 1, -1, 2, math.MaxInt8, math.MinInt8, math.MaxUint8, math.MaxInt16, math.MaxUint16, math.MaxInt32, math.MinInt32,
	math.MaxInt32 + 1, math.MinInt32 - 1, math.MaxUint32, 1 << 53, 1<<53 + 1, math.MaxInt64, math.MinInt64}

var texts = []string{"", "x", "ü\x00y", "5", "1m30s", "mongodb://h/d/c", "ticket://1", "2024-02-29T12:00:00Z", "65f0c0ffee0123456789abcd", "\xff"}

var moments = []time.Time{{}, time.UnixMilli(0), time.UnixMilli(-1), time.Unix(1, 999_999_999), time.Date(2024, 2, 29, 1, 2, 3, 4, time.Local),
	time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(math.MaxInt64/1000, 0), time.Unix(math.MinInt64/4, 0)}

var floats = []float64{0, math.Copysign(0, -1), 0.5, 0.1, 1 << 60, 1e300, math.Inf(1), math.NaN()}

func one[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// fill sets a value at random, with few of those that are refused.
func fill(r *rand.Rand, v reflect.Value, depth int) {
	switch v.Type() {
	case typeTime:
		v.Set(reflect.ValueOf(moments[r.IntN(len(moments)-r.IntN(3))]))
		return
	case reflect.TypeFor[netip.Addr]():
		v.Set(reflect.ValueOf(netip.MustParseAddr("::1")))
		return
	case reflect.TypeFor[json.Number]():
		v.SetString(fmt.Sprint(one(r, edges)))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(one(r, edges))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n := one(r, edges); n >= 0 || r.IntN(20) == 0 {
			v.SetUint(uint64(n))
		}
	case reflect.Float32, reflect.Float64:
		v.SetFloat(one(r, floats))
	case reflect.String:
		v.SetString(texts[r.IntN(len(texts)-min(1, r.IntN(20)))])
	case reflect.Interface:
		v.Set(reflect.ValueOf(one(r, []any{1, "x", 1.5, true, time.UnixMilli(5), []byte{1}, shown(2), marked{1}, &marked{1}, inner{N: 1}, ticket(3), uint8(4)})))
	case reflect.Pointer, reflect.Slice:
		fillMany(r, v, depth)
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i), depth)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() || v.Type().Field(i).Anonymous {
				fill(r, v.Field(i), depth+1)
			}
		}
	}
}

func fillMany(r *rand.Rand, v reflect.Value, depth int) {
	n := r.IntN(3)
	switch {
	case n == 0 || depth > 3:
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(r, v.Elem(), depth+1)
	default:
		v.Set(reflect.MakeSlice(v.Type(), n-1, n))
		for i := range v.Len() {
			fill(r, v.Index(i), depth+1)
		}
	}
}
