package kwargs

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

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
