package kwargs

import (
	"context"
	"errors"
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
