package kwargs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// withDriver is a Binder with a plan without leaves for these types: the driver's
// codec writes and reads every field.
func withDriver(t testing.TB, opts Options, types ...reflect.Type) *Binder {
	t.Helper()
	b := newTestBinder(t, opts)
	for _, typ := range types {
		class, err := Fields(typ)
		if err != nil {
			t.Fatal(err)
		}
		b.plans.Store(typ, &plan{class: class, leaves: make([]*leaf, len(class.Fields))})
	}
	return b
}

// pair gives two Binders that must behave in one way.
func pair(t testing.TB) (fast, slow *Binder) {
	t.Helper()
	opts := Options{Bindings: []Binding{ticketBinding()}}
	return newTestBinder(t, opts), withDriver(t, opts, reflect.TypeFor[leafy](), reflect.TypeFor[inner]())
}

func text(err error) string { return fmt.Sprintf("%T %v", err, err) }

// TestPlanWrites compares what the leaves write with what the driver writes.
func TestPlanWrites(t *testing.T) {
	fast, slow := pair(t)
	r := rand.New(rand.NewPCG(1, 2))
	written := 0
	for range 5000 {
		var v leafy
		fill(r, reflect.ValueOf(&v).Elem(), 0)
		for _, in := range []any{v, &v} {
			got, err := fast.Encode(in)
			want, wantErr := slow.Encode(in)
			if !bytes.Equal(got, want) || text(err) != text(wantErr) {
				t.Fatalf("%+v\ngot  %s %v\nwant %s %v", v, got, err, want, wantErr)
			}
			if err == nil {
				written++
				whole(t, slow, v, want)
			}
		}
	}
	if written < 500 || written > 9500 {
		t.Errorf("%d of 10000 were written", written)
	}
}

// whole compares with what the driver makes of the class as a whole.
func whole(t *testing.T, b *Binder, v leafy, want bson.Raw) {
	t.Helper()
	w := b.writers.Get().(*writer)
	defer w.putBack()
	if doc, err := w.byDriver(v); err != nil || !bytes.Equal(doc, want) {
		t.Fatalf("%+v\ngot  %s %v\nwant %s", v, bson.Raw(doc), err, want)
	}
}

// TestPlanDepth has leaves at the deepest level and beyond: bytes count as one
// level more, as every array.
func TestPlanDepth(t *testing.T) {
	fast, slow := pair(t)
	refusals := 0
	for depth := maxDepth - 3; depth < maxDepth+2; depth++ {
		for _, last := range []inner{{N: 1}, {Raw: []byte{1}}, {At: moments[1]}, {At: moments[len(moments)-1]}} {
			v := &last
			for range depth {
				v = &inner{Up: v}
			}
			got, err := fast.Encode(v)
			want, wantErr := slow.Encode(v)
			if !bytes.Equal(got, want) || text(err) != text(wantErr) {
				t.Errorf("%d of %+v:\ngot  %v\nwant %v", depth, last, err, wantErr)
			}
			if err != nil {
				refusals++
			}
		}
	}
	if refusals == 0 {
		t.Error("nothing was too deep")
	}
}

func TestPlanIsForPlainStructs(t *testing.T) {
	b, _ := pair(t)
	for _, v := range []any{bson.CodeWithScope{}, seat{}, marked{}, map[string]int{}, bson.D{}} {
		if b.hasPlan(reflect.TypeOf(v)) {
			t.Errorf("%T has a plan", v)
		}
	}
	for _, v := range []any{leafy{}, inner{}, everything{}, struct{}{}} {
		if !b.hasPlan(reflect.TypeOf(v)) {
			t.Errorf("%T has no plan", v)
		}
	}
}

// sameDecoded decodes by both ways.
func sameDecoded(t *testing.T, fast, slow *Binder, raw bson.Raw) (ok bool) {
	t.Helper()
	got, want := leafy{inner: inner{N: 7, S: "before"}, Bin: []byte("before")}, leafy{inner: inner{N: 7, S: "before"}, Bin: []byte("before")}
	release, err := fast.Decode(t.Context(), raw, &got)
	release()
	release, wantErr := slow.Decode(t.Context(), raw, &want)
	release()
	if text(err) != text(wantErr) {
		t.Fatalf("%s: %v, want %v", raw, err, wantErr)
	}
	if !reflect.DeepEqual(got, want) && fmt.Sprintf("%#v", plainly(got)) != fmt.Sprintf("%#v", plainly(want)) {
		t.Fatalf("%s:\ngot  %#v\nwant %#v", raw, got, want)
	}
	return err == nil
}

// plainly leaves of a value with NaN, which equals nothing, what can be printed
// without addresses.
func plainly(v leafy) leafy {
	v.Public, v.Ptr, v.PI, v.Up, v.In.Up, v.List = nil, nil, nil, nil, nil, nil
	return v
}

// TestPlanReads compares what the leaves read with what the driver reads, of
// values of every BSON type.
func TestPlanReads(t *testing.T) {
	fast, slow := pair(t)
	var values []any
	for _, n := range edges {
		values = append(values, n, float64(n), bson.DateTime(n))
		if int64(int32(n)) == n {
			values = append(values, int32(n))
		}
	}
	for _, f := range floats {
		values = append(values, f)
	}
	for _, s := range texts {
		values = append(values, s)
	}
	for _, v := range samples(t) {
		values = append(values, v)
	}
	for _, subtype := range []byte{bson.TypeBinaryGeneric, bson.TypeBinaryBinaryOld, bson.TypeBinaryUUID, bson.TypeBinaryUserDefined} {
		values = append(values, bson.Binary{Subtype: subtype}, bson.Binary{Subtype: subtype, Data: []byte("0123456789abcdef")})
	}
	class, err := Fields(reflect.TypeFor[leafy]())
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, name := range append(class.Names(), "unknown") {
		for _, v := range values {
			if sameDecoded(t, fast, slow, doc(t, "myT", "", "id", "", name, v)) {
				read++
			}
			sameDecoded(t, fast, slow, doc(t, name, v))
			sameDecoded(t, fast, slow, doc(t, "myT", "", "id", "", "in", bson.D{{Key: name, Value: v}}))
		}
	}
	if all := len(values) * len(class.Fields); read < all/5 || read > all/2 {
		t.Errorf("%d of %d values were read", read, len(values)*len(class.Fields))
	}
}

// FuzzPlan compares both ways with any bytes.
func FuzzPlan(f *testing.F) {
	fast, slow := pair(f)
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		var v leafy
		fill(r, reflect.ValueOf(&v).Elem(), 0)
		if raw, err := slow.Encode(v); err == nil {
			f.Add([]byte(raw))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !sameDecoded(t, fast, slow, raw) {
			return
		}
		var v leafy
		decode(t, slow, raw, &v)
		v.Any = nil // a map comes in any order
		got, err := fast.Encode(&v)
		want, wantErr := slow.Encode(&v)
		if !bytes.Equal(got, want) || text(err) != text(wantErr) {
			t.Errorf("%+v\ngot  %s %v\nwant %s %v", v, got, err, want, wantErr)
		}
	})
}
