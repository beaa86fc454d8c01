package kwargs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

func newTestBinder(t testing.TB, opts Options) *Binder {
	t.Helper()
	b, err := NewBinder(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

func encode(t testing.TB, b *Binder, v any) bson.Raw {
	t.Helper()
	raw, err := b.Encode(v)
	if err != nil {
		t.Fatalf("Encode(%T): %v", v, err)
	}
	return raw
}

func decode(t testing.TB, b *Binder, raw bson.Raw, dst any) {
	t.Helper()
	release, err := b.Decode(t.Context(), raw, dst)
	if err != nil {
		t.Fatalf("Decode(%s): %v", raw, err)
	}
	t.Cleanup(release)
}

// decodeErr decodes what must fail with a *FieldError.
func decodeErr(t *testing.T, b *Binder, raw bson.Raw, dst any) *FieldError {
	t.Helper()
	release, err := b.Decode(t.Context(), raw, dst)
	release()
	var fe *FieldError
	if !errors.As(err, &fe) {
		t.Fatalf("Decode(%s) into %T: error %v, want a *FieldError", raw, dst, err)
	}
	return fe
}

func doc(t testing.TB, pairs ...any) bson.Raw {
	t.Helper()
	d := bson.D{}
	for i := 0; i < len(pairs); i += 2 {
		d = append(d, bson.E{Key: pairs[i].(string), Value: pairs[i+1]})
	}
	raw, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

type nested struct {
	Limit  int
	UserID string
	Tags   []string
	Deep   *nested
}

type base struct {
	Shared string
	Hidden string `bson:"-"`
}

type helper struct{ Internal string }

func (helper) NotKwargs() {}

type everything struct {
	helper
	base
	Arg      int64
	Min      int64
	Small    int8
	Odd      uint32
	F        float64
	F32      float32
	NaN      float64
	Inf      float64
	Text     string
	OK       bool
	At       time.Time
	For      time.Duration
	OID      bson.ObjectID
	UUID     [16]byte
	Bin      bson.Binary
	Bytes    []byte
	Dec      bson.Decimal128
	Regex    bson.Regex
	JS       bson.JavaScript
	Min1     bson.MinKey
	Addr     netip.Addr
	Big      *big.Int
	Link     url.URL
	In       nested
	List     []nested
	Map      map[string]int
	ByInt    map[int]string
	Ptr      *int
	Nil      *int
	Any      any
	JSONName string         `json:"json_name,omitempty"`
	Named    string         `bson:"other" json:"ignored"`
	Skipped  string         `lgtask:"-"`
	Rest     map[string]any `bson:",inline"`
	private  int
}

func full() everything {
	n := 7
	return everything{
		private: 1, helper: helper{"not sent"}, base: base{Shared: "s", Hidden: "not sent"}, Arg: math.MaxInt64, Min: math.MinInt64,
		Small: -128, Odd: math.MaxUint32, F: 1<<53 + 1, F32: 0.1, NaN: math.NaN(), Inf: math.Inf(-1), Text: "a\x00b\u202eü",
		OK: true, At: time.Date(2024, 2, 29, 1, 2, 3, 4e6, time.UTC), For: 90 * time.Second, OID: bson.NewObjectID(),
		UUID: [16]byte{1, 2, 3}, Bin: bson.Binary{Subtype: bson.TypeBinaryUUID, Data: make([]byte, 16)}, Bytes: []byte{0, 255},
		Dec: bson.NewDecimal128(1, 2), Regex: bson.Regex{Pattern: "a+", Options: "i"}, JS: "f()",
		Addr: netip.MustParseAddr("::1"), Big: new(big.Int).Lsh(big.NewInt(1), 200),
		Link: url.URL{Scheme: "https", Host: "x.y", Path: "/z"},
		In:   nested{Limit: 3, UserID: "u", Tags: []string{"a"}, Deep: &nested{Limit: 4}}, List: []nested{{Limit: 1}, {Limit: 2}},
		Map: map[string]int{"a.b": 1, "$set": 2, "": 3}, ByInt: map[int]string{-1: "x"}, Ptr: &n, Any: map[string]any{"k": []any{int64(1), "x", nil}},
		JSONName: "j", Named: "n", Skipped: "not sent", Rest: map[string]any{"more": true, "when": time.UnixMilli(0).UTC()},
	}
}

func TestRoundTrip(t *testing.T) {
	b := newTestBinder(t, Options{})
	in := full()
	raw := encode(t, b, &in)
	var out everything
	decode(t, b, raw, &out)
	if !math.IsNaN(out.NaN) {
		t.Error("NaN is lost")
	}
	want := full()
	want.private, want.helper, want.Hidden, want.Skipped, want.OID, want.NaN, out.NaN = 0, helper{}, "", "", in.OID, 0, 0
	if !reflect.DeepEqual(out, want) {
		t.Errorf("got  %+v\nwant %+v", out, want)
	}
	var again everything
	decode(t, b, encode(t, b, out), &again)
	again.NaN = 0
	if !reflect.DeepEqual(again, want) {
		t.Errorf("second trip: got %+v", again)
	}
}

func TestEncodedNames(t *testing.T) {
	b := newTestBinder(t, Options{})
	raw := encode(t, b, everything{})
	for _, name := range []string{"arg", "f32", "uuid", "oid", "byInt", "other", "shared"} {
		if _, err := raw.LookupErr(name); err != nil {
			t.Errorf("%s is missing in %s", name, raw)
		}
	}
	if raw := encode(t, b, nested{}); raw.String() != `{"limit": {"$numberInt":"0"},"userId": "","tags": null,"deep": null}` {
		t.Errorf("got %s", raw)
	}
	for _, name := range []string{"json_name", "hidden", "internal", "skipped", "private", "rest", "base"} {
		if _, err := raw.LookupErr(name); err == nil {
			t.Errorf("%s is in %s", name, raw)
		}
	}
}

func TestEncodeTopLevel(t *testing.T) {
	b := newTestBinder(t, Options{})
	var nilMap map[string]any
	var nilStruct *nested
	for _, v := range []any{nil, nilMap, nilStruct, bson.D(nil), bson.M(nil), bson.Raw(nil), struct{}{}, map[string]any{}, bson.D{}} {
		if raw := encode(t, b, v); raw.String() != "{}" {
			t.Errorf("Encode(%T) = %s", v, raw)
		}
	}
	same := encode(t, b, bson.D{{Key: "a", Value: int32(1)}})
	for _, v := range []any{map[string]any{"a": 1}, bson.M{"a": 1}, struct{ A int }{1}, &struct{ A int }{1}, same, map[string]int{"a": 1}} {
		if raw := encode(t, b, v); raw.String() != same.String() {
			t.Errorf("Encode(%T) = %s, want %s", v, raw, same)
		}
	}
	for _, v := range []any{1, "x", []int{1}, time.Now(), bson.NewObjectID(), bson.A{}, map[int]string{1: ""}, func() {}, make(chan int), netip.Addr{}, []byte{1}, bson.Binary{}} {
		if _, err := b.Encode(v); !isEncodeError(err, "") {
			t.Errorf("Encode(%T): error %v", v, err)
		}
	}
}

func isEncodeError(err error, field string) bool {
	var ee *EncodeError
	return errors.As(err, &ee) && ee.Field == field
}

type loop struct{ Next *loop }

type panics struct{}

func (panics) MarshalBSONValue() (byte, []byte, error) { panic("no") }
func (*panics) UnmarshalBSONValue(byte, []byte) error  { panic("no") }

func TestEncodeRefuses(t *testing.T) {
	b := newTestBinder(t, Options{})
	cycle := &loop{}
	cycle.Next = cycle
	ring := map[string]any{}
	ring["self"] = ring
	var self any
	self = &self
	deep := any(1)
	for range maxDepth {
		deep = []any{deep}
	}
	for name, c := range map[string]struct {
		v     any
		field string
		words string
	}{
		"cycle":            {cycle, strings.TrimSuffix(strings.Repeat("next.", maxDepth), "."), "contains itself"},
		"map cycle":        {ring, strings.TrimSuffix(strings.Repeat("self.", maxDepth), "."), "deeper than 32"},
		"pointer cycle":    {map[string]any{"a": self}, "a", "contains itself"},
		"deep":             {map[string]any{"a": deep}, "a" + strings.Repeat(".0", maxDepth-1), "deeper than 32"},
		"NUL in key":       {map[string]any{"a": map[string]int{"x\x00y": 1}}, `a."x\x00y"`, "NUL"},
		"NUL in D":         {bson.D{{Key: "x\x00", Value: 1}}, `"x\x00"`, "NUL"},
		"NUL in rest":      {everything{Rest: map[string]any{"\x00": 1}}, `"\x00"`, "NUL"},
		"NUL in regex":     {map[string]any{"r": bson.Regex{Pattern: "\x00"}}, "", "null"},
		"UTF-8":            {map[string]any{"a": []any{"\xff"}}, "a.0", "UTF-8"},
		"surrogate":        {map[string]any{"a": "\xed\xa0\x80"}, "a", "UTF-8"},
		"UTF-8 in key":     {map[string]any{"\xff": 1}, `"\xff"`, "UTF-8"},
		"twice":            {bson.D{{Key: "a", Value: 1}, {Key: "a", Value: 2}}, "a", "twice"},
		"rest has a field": {everything{Rest: map[string]any{"arg": 1}}, "arg", "inline map"},
		"uint64":           {struct{ N uint64 }{math.MaxUint64}, "n", "2^63-1"},
		"channel":          {map[string]any{"c": make(chan int)}, "c", "cannot be a kwarg"},
		"function":         {bson.D{{Key: "f", Value: func() {}}}, "f", "cannot be a kwarg"},
		"complex":          {map[string]any{"c": []any{1i}}, "c.0", "cannot be a kwarg"},
		"opaque":           {map[string]any{"m": struct{ n int }{1}}, "m", "arrive empty"},
		"year":             {map[string]any{"t": time.Unix(math.MaxInt64/4, 0)}, "t", "year"},
		"raw":              {map[string]any{"r": bson.Raw{5, 0, 0, 0, 1}}, "r", "well-formed"},
		"raw top":          {bson.Raw{1, 2, 3}, "", "well-formed"},
		"raw value":        {map[string]any{"r": bson.RawValue{}}, "", "invalid BSON type"},
		"panic":            {map[string]any{"p": panics{}}, "", "panicked"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.Encode(c.v)
			if !isEncodeError(err, c.field) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("error %q, want field %q and %q", err, c.field, c.words)
			}
		})
	}
}

func TestDecodeTargets(t *testing.T) {
	b := newTestBinder(t, Options{})
	raw := doc(t, "a", int32(1), "b", bson.D{{Key: "c", Value: bson.A{"x", 1.5}}})
	want := map[string]any{"a": int64(1), "b": map[string]any{"c": []any{"x", 1.5}}}
	var m map[string]any
	var a any
	mm := bson.M{}
	decode(t, b, raw, &m)
	decode(t, b, raw, &a)
	decode(t, b, raw, &mm)
	if !reflect.DeepEqual(m, want) || !reflect.DeepEqual(a, any(want)) || !reflect.DeepEqual(map[string]any(mm), want) {
		t.Errorf("got %v, %v, %v", m, a, mm)
	}
	var r bson.Raw
	var d bson.D
	decode(t, b, raw, &r)
	decode(t, b, raw, &d)
	if r.String() != raw.String() || len(d) != 2 || d[0].Key != "a" {
		t.Errorf("got %v, %v", r, d)
	}
	var p *nested
	decode(t, b, doc(t, "limit", 3), &p)
	if p == nil || p.Limit != 3 {
		t.Errorf("got %+v", p)
	}
	decode(t, b, nil, &p)
	for _, dst := range []any{nil, nested{}, (*nested)(nil), "x"} {
		if release, err := b.Decode(t.Context(), raw, dst); err == nil || release == nil {
			t.Errorf("Decode into %T: no error", dst)
		}
	}
	var n int
	if fe := decodeErr(t, b, raw, &n); fe.Field != "" || fe.Want != "int" {
		t.Errorf("got %+v", fe)
	}
}

// TestNoSharedMemory overwrites the input: the driver reuses its buffers.
func TestNoSharedMemory(t *testing.T) {
	type class struct {
		B   []byte
		Bin bson.Binary
		Raw bson.Raw
		RV  bson.RawValue
		S   string
		A   any
		D   bson.D
		R   struct{ S string }
	}
	b := newTestBinder(t, Options{})
	raw := doc(t, "b", []byte("abc"), "bin", bson.Binary{Data: []byte("abc")}, "raw", bson.D{{Key: "x", Value: "abc"}}, "rv", "abc", "s", "abc",
		"a", bson.A{[]byte("abc"), "abc"}, "d", bson.D{{Key: "x", Value: []byte("abc")}}, "r", bson.D{{Key: "s", Value: "abc"}})
	var c class
	decode(t, b, raw, &c)
	before := encode(t, b, c).String()
	for i := range raw {
		raw[i] = 'z'
	}
	if after := encode(t, b, c).String(); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	in := bson.Raw(doc(t, "a", "abc"))
	out := encode(t, b, in)
	in[12] = 'z'
	if out.Lookup("a").StringValue() != "abc" {
		t.Error("Encode shares memory with its argument")
	}
}

type strictClass struct{ A int }

func (*strictClass) StrictKwargs() bool { return true }

type needy struct {
	A int  `lgtask:"required"`
	B *int `lgtask:"required"`
}

func TestMissingAndUnknown(t *testing.T) {
	b := newTestBinder(t, Options{})
	n := nested{Limit: 5}
	decode(t, b, doc(t, "unknown", 1, "tags", nil, "Limit", 9), &n)
	if n.Limit != 5 {
		t.Errorf("a missing kwarg changed the field: %+v", n)
	}
	decode(t, b, doc(t, "limit", nil), &n)
	if n.Limit != 0 {
		t.Errorf("null left %+v", n)
	}
	if fe := decodeErr(t, b, doc(t, "b", 1), &strictClass{}); fe.Field != "b" || !strings.Contains(fe.Error(), "(it has: a)") {
		t.Errorf("got %v", fe)
	}
	for _, c := range []struct {
		raw        bson.Raw
		field, got string
	}{
		{doc(t), "a", "nothing"}, {doc(t, "a", 1), "b", "nothing"}, {doc(t, "a", nil), "a", "null"}, {doc(t, "a", 1, "b", nil), "b", "null"},
	} {
		if fe := decodeErr(t, b, c.raw, &needy{}); fe.Field != c.field || fe.Got != c.got {
			t.Errorf("%s: %v", c.raw, fe)
		}
	}
	nestedTwice := doc(t, "more", bson.D{{Key: "x", Value: bson.A{bson.D{{Key: "y", Value: 1}, {Key: "y", Value: 1}}}}})
	if fe := decodeErr(t, b, nestedTwice, &n); fe.Field != "more.x.0.y" || !strings.Contains(fe.Error(), "twice") {
		t.Errorf("got %v", fe)
	}
	many := bson.D{}
	for i := range 40 {
		many = append(many, bson.E{Key: fmt.Sprint(i), Value: i})
	}
	var m40 map[string]int
	decode(t, b, encode(t, b, many), &m40)
	for _, i := range []int{0, 15, 16, 17, 39} {
		if _, err := b.Encode(append(many, bson.E{Key: fmt.Sprint(i), Value: i})); !isEncodeError(err, fmt.Sprint(i)) {
			t.Errorf("key %d twice: error %v", i, err)
		}
	}
	twice := doc(t, "limit", 1, "limit", 2)
	if fe := decodeErr(t, b, twice, &n); fe.Field != "limit" {
		t.Errorf("got %v", fe)
	}
	var m map[string]any
	if fe := decodeErr(t, b, twice, &m); fe.Field != "limit" {
		t.Errorf("got %v", fe)
	}
}

func TestErrorPlaces(t *testing.T) {
	type class struct {
		In   nested
		List []nested
		Map  map[string][]int8
		Ptr  *nested
		base
		Rest map[string]int `bson:",inline"`
	}
	b := newTestBinder(t, Options{})
	in := func(v any) bson.D { return bson.D{{Key: "limit", Value: v}} }
	for _, c := range []struct {
		raw              bson.Raw
		field, want, got string
	}{
		{doc(t, "in", in("secret")), "in.limit", "int", "string"},
		{doc(t, "in", bson.D{{Key: "deep", Value: in(true)}}), "in.deep.limit", "int", "boolean"},
		{doc(t, "list", bson.A{in(1), in("secret")}), "list.1.limit", "int", "string"},
		{doc(t, "list", bson.A{in(1), "secret"}), "list.1", "kwargs.nested", "string"},
		{doc(t, "list", "secret"), "list", "[]kwargs.nested", "string"},
		{doc(t, "map", bson.D{{Key: "x.y", Value: bson.A{1, 300}}}), "map.x.y.1", "int8", "32-bit integer"},
		{doc(t, "ptr", 1), "ptr", "kwargs.nested", "32-bit integer"},
		{doc(t, "shared", bson.D{}), "shared", "string", "embedded document"},
		{doc(t, "more", "secret"), "more", "int", "string"},
	} {
		fe := decodeErr(t, b, c.raw, &class{})
		if fe.Field != c.field || fe.Want != c.want || fe.Got != c.got || strings.Contains(fe.Error(), "secret") {
			t.Errorf("%s: %+v", c.raw, fe)
		}
	}
	if fe := decodeErr(t, b, doc(t, "p", 1), &struct{ P panics }{}); !strings.Contains(fe.Error(), "panicked") {
		t.Errorf("got %v", fe)
	}
}
