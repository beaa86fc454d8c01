package tasks_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
)

// d writes documents shortly: d("a", 1, "b", 2).
func d(pairs ...any) bson.D {
	doc := bson.D{}
	for i := 0; i < len(pairs); i += 2 {
		doc = append(doc, bson.E{Key: pairs[i].(string), Value: pairs[i+1]})
	}
	return doc
}

func decimal(t testing.TB, s string) bson.Decimal128 {
	t.Helper()
	v, err := bson.ParseDecimal128(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestKwargsEqual(t *testing.T) {
	dec := func(s string) bson.Decimal128 { return decimal(t, s) }
	const odd = 1<<53 + 1
	for _, c := range []struct {
		name string
		a, b any
		want bool
	}{
		{"empty", d(), d(), true},
		{"order", d("a", 1, "b", "x"), d("b", "x", "a", 1), true},
		{"order inside", d("k", d("a", 1, "b", 2)), d("k", d("b", 2, "a", 1)), true},
		{"order in an array", d("k", bson.A{1, 2}), d("k", bson.A{2, 1}), false},
		{"missing", d("a", 1), d("a", 1, "b", nil), false},
		{"other key", d("a", 1), d("b", 1), false},
		{"other value", d("a", 1), d("a", 2), false},
		{"null and missing", d("a", nil), d(), false},
		{"null and null", d("a", nil), d("a", nil), true},
		{"int32 and int64", d("a", int32(5)), d("a", int64(5)), true},
		{"int32 and double", d("a", int32(5)), d("a", 5.0), true},
		{"int64 and decimal", d("a", int64(5)), d("a", dec("5.00")), true},
		{"double and decimal", d("a", 0.5), d("a", dec("0.50")), true},
		{"a tenth is no double", d("a", 0.1), d("a", dec("0.1")), false},
		{"number and text", d("a", 5), d("a", "5"), false},
		{"number and boolean", d("a", 1), d("a", true), false},
		{"2^53+1 exact", d("a", int64(odd)), d("a", dec("9007199254740993")), true},
		{"2^53+1 and its double", d("a", int64(odd)), d("a", float64(odd)), false},
		{"2^63-1 and its double", d("a", int64(math.MaxInt64)), d("a", float64(math.MaxInt64)), false},
		{"-2^63 and its double", d("a", int64(math.MinInt64)), d("a", float64(math.MinInt64)), true},
		{"NaN", d("a", math.NaN()), d("a", math.NaN()), true},
		{"NaN of another width", d("a", math.NaN()), d("a", dec("NaN")), true},
		{"NaN and 0", d("a", math.NaN()), d("a", 0), false},
		{"-0", d("a", math.Copysign(0, -1)), d("a", int32(0)), true},
		{"decimal -0", d("a", dec("-0")), d("a", 0.0), true},
		{"decimal 0E+6000", d("a", dec("0E+6000")), d("a", 0), true},
		{"infinities", d("a", math.Inf(1)), d("a", math.Inf(-1)), false},
		{"infinity of another width", d("a", math.Inf(-1)), d("a", dec("-Infinity")), true},
		{"decimal digits", d("a", dec("1E+3")), d("a", dec("1000")), true},
		{"huge decimals", d("a", dec("10E+500")), d("a", dec("1E+501")), true},
		{"huge decimals differ", d("a", dec("1E+500")), d("a", dec("1E+501")), false},
		{"tiny decimals", d("a", dec("10E-501")), d("a", dec("1E-500")), true},
		{"numbers in an array", d("a", bson.A{int32(1), int64(2)}), d("a", bson.A{1.0, dec("2")}), true},
		{"array and document", d("a", bson.A{1}), d("a", d("0", 1)), false},
		{"array length", d("a", bson.A{1}), d("a", bson.A{1, 1}), false},
		{"deep", d("a", bson.A{d("b", bson.A{d("c", 1)})}), d("a", bson.A{d("b", bson.A{d("c", 1.0)})}), true},
		{"dates", d("a", bson.DateTime(7)), d("a", bson.DateTime(7)), true},
		{"dates differ", d("a", bson.DateTime(7)), d("a", bson.DateTime(8)), false},
		{"date and number", d("a", bson.DateTime(7)), d("a", int64(7)), false},
		{"binary subtype", d("a", bson.Binary{Subtype: 0, Data: []byte("x")}), d("a", bson.Binary{Subtype: 5, Data: []byte("x")}), false},
		{"case", d("a", "x"), d("a", "X"), false},
	} {
		a, b := kwargs(t, c.a), kwargs(t, c.b)
		if tasks.KwargsEqual(a, b) != c.want || tasks.KwargsEqual(b, a) != c.want {
			t.Errorf("%s: %v and %v: want %v", c.name, a, b, c.want)
		}
		if !tasks.KwargsEqual(a, a) || !tasks.KwargsEqual(b, b) {
			t.Errorf("%s: not equal to itself", c.name)
		}
	}
}

func FuzzKwargsEqual(f *testing.F) {
	seeds := []bson.Raw{
		kwargs(f, d()), kwargs(f, d("a", 1, "b", bson.A{1.5, d("c", "x")})), kwargs(f, d("a", decimal(f, "1E+300"), "b", math.NaN())),
		kwargs(f, d("a", bson.CodeWithScope{Code: "x", Scope: d("y", 1)}, "r", bson.Regex{Pattern: "a", Options: "i"})), {},
	}
	for _, a := range seeds {
		for _, b := range seeds {
			f.Add([]byte(a), []byte(b))
		}
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if tasks.KwargsEqual(a, b) != tasks.KwargsEqual(b, a) {
			t.Fatalf("not symmetric: %x, %x", a, b)
		}
		if !tasks.KwargsEqual(a, a) || !tasks.KwargsEqual(b, b) {
			t.Fatalf("not reflexive: %x, %x", a, b)
		}
		if tasks.CheckKwargs(a) != nil {
			return
		}
		back, err := bson.Marshal(bson.Raw(a))
		if err != nil || !tasks.KwargsEqual(a, back) {
			t.Fatalf("accepted, but does not survive the driver: %x, %v", a, err)
		}
	})
}

// nest returns a document of the given depth, by documents or by arrays.
func nest(depth int, arrays bool) any {
	var v any = 1
	for range depth - 1 {
		if arrays {
			v = bson.A{v}
		} else {
			v = d("k", v)
		}
	}
	return d("k", v)
}

// acceptedKwargs are unusual but fine; each must survive the whole way through
// the database.
func acceptedKwargs(t testing.TB) map[string]any {
	many := bson.D{}
	for i := range 5000 {
		many = append(many, bson.E{Key: fmt.Sprint("key", i), Value: i})
	}
	return map[string]any{
		"empty": d(), "empty key": d("", 1), "dollar keys": d("$set", 1, "$where", "x", "$expr", d("$gt", bson.A{1, 2})),
		"dotted keys": d("a.b", 1, "a..b", 2, ".", 3), "pipeline text": d("a", "$$NOW", "b", "$state", "c", "$$REMOVE"),
		"NUL in a value": d("a", "x\x00y"), "U+202E": d("a", "\u202Etxt"), "emoji key": d("🙂", "🙂"),
		"integers": d("a", int64(math.MaxInt64), "b", int64(1<<53+1), "c", int64(math.MinInt64), "d", int32(math.MinInt32)),
		"floats":   d("a", math.Copysign(0, -1), "b", math.NaN(), "c", math.Inf(1), "d", math.Inf(-1), "e", math.SmallestNonzeroFloat64),
		"decimals": d("a", decimal(t, "1E+6144"), "b", decimal(t, "-0"), "c", decimal(t, "NaN"), "d", decimal(t, "0.1")),
		"odd types": d("a", bson.MinKey{}, "b", bson.MaxKey{}, "c", bson.Regex{Pattern: "(a+)+$", Options: "i"}, "d", bson.JavaScript("x"),
			"e", bson.CodeWithScope{Code: "x", Scope: d("y", 1)}, "f", bson.Symbol("s"), "g", bson.Timestamp{T: 1, I: 2}, "h", bson.Undefined{}, "i", nil),
		"binary":   d("a", bson.Binary{Subtype: 0x80, Data: []byte{0, 255}}, "b", uuid),
		"dates":    d("a", bson.DateTime(0), "b", bson.DateTime(253402300799999)),
		"depth 32": nest(32, false), "depth 32 of arrays": nest(32, true), "many keys": many,
		"4 KiB": d("a", strings.Repeat("x", tasks.InlineKwargs-len(kwargs(t, d("a", ""))))), "over 4 KiB": d("a", strings.Repeat("x", tasks.InlineKwargs)),
		"1 MiB": d("a", strings.Repeat("x", tasks.MaxTaskBytes-len(kwargs(t, d("a", ""))))),
	}
}

func TestCheckKwargsAccepts(t *testing.T) {
	for name, v := range acceptedKwargs(t) {
		if err := tasks.CheckKwargs(kwargs(t, v)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckKwargsRefuses(t *testing.T) {
	whole := kwargs(t, d("a", d("b", "text")))
	inside := append(bson.Raw{}, whole...)
	inside[7] = 200 // the length of the inner document
	for name, raw := range map[string]bson.Raw{
		"1 MiB and 1":     kwargs(t, d("a", strings.Repeat("x", tasks.MaxTaskBytes-len(kwargs(t, d("a", "")))+1))),
		"16 MB":           kwargs(t, d("a", strings.Repeat("x", 16<<20))),
		"depth 33":        kwargs(t, nest(33, false)),
		"depth 33 arrays": kwargs(t, nest(33, true)),
		"depth 10000":     kwargs(t, nest(10_000, false)),
		"depth by scope":  kwargs(t, d("a", bson.CodeWithScope{Scope: nest(32, false)})),
		"duplicate":       kwargs(t, d("a", 1, "a", 1)),
		"duplicate in":    kwargs(t, d("a", bson.A{d("x", 1, "y", 2, "x", 3)})),
		"UTF-8 value":     kwargs(t, d("a", "\xff")),
		"UTF-8 key":       kwargs(t, d("a\xff", 1)),
		"lone surrogate":  kwargs(t, d("a", "\xed\xa0\x80")),
		"UTF-8 regex":     kwargs(t, d("a", bson.Regex{Pattern: "\xff"})),
		"UTF-8 code":      kwargs(t, d("a", bson.JavaScript("\xff"))),
		"UTF-8 symbol":    kwargs(t, d("a", bson.Symbol("\xff"))),
		"year 10000":      kwargs(t, d("a", bson.DateTime(253402300800000))),
		"before 1970":     kwargs(t, d("a", bson.DateTime(-1))),
		"year 0":          kwargs(t, d("a", bson.DateTime(-62167219200000))),
		"2^63 ms":         kwargs(t, d("a", bson.A{bson.DateTime(math.MaxInt64)})),
		"-2^63 ms":        kwargs(t, d("a", d("b", bson.DateTime(math.MinInt64)))),
		"nothing":         {},
		"more":            append(append(bson.Raw{}, whole...), 0),
		"cut":             whole[:len(whole)-3],
		"broken inside":   inside,
	} {
		err := tasks.CheckKwargs(raw)
		var invalid *tasks.InvalidError
		if !errors.As(err, &invalid) || !strings.HasPrefix(invalid.Field, "kwargs") || invalid.Reason == "" {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && len(err.Error()) > 500 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}

// TestCheckKwargsErrors has the whole text: the first fault, and where it is.
func TestCheckKwargsErrors(t *testing.T) {
	in := func(v any) any { return d("list", bson.A{1, d("x.y", v)}) }
	short := kwargs(t, d("a", d("b", 1), "a", 2))
	short[7] = 3 // less than a document has
	many := bson.D{}
	for i := range 40 {
		many = append(many, bson.E{Key: fmt.Sprint("k", i), Value: i})
	}
	for name, c := range map[string]struct {
		raw                  bson.Raw
		field, value, reason string
	}{
		"text":      {kwargs(t, in("\xff")), "kwargs.list.1.x.y", "", "text must be valid UTF-8"},
		"date":      {kwargs(t, in(bson.DateTime(-1))), "kwargs.list.1.x.y", "-1 ms", "a date must be in the years 1970 to 9999"},
		"key":       {kwargs(t, in(d("\xff", 1))), "kwargs.list.1.x.y", `"\xff"`, "a key must be valid UTF-8"},
		"twice":     {kwargs(t, in(d("k", 1, "k", "\xff"))), "kwargs.list.1.x.y", "k", "the key appears twice"},
		"first":     {kwargs(t, d("a", "\xff", "a", 1)), "kwargs.a", "", "text must be valid UTF-8"},
		"early key": {kwargs(t, append(many, bson.E{Key: "k3"})), "kwargs", "k3", "the key appears twice"},
		"late key":  {kwargs(t, append(many, bson.E{Key: "k39"})), "kwargs", "k39", "the key appears twice"},
		"scope":     {kwargs(t, in(bson.CodeWithScope{Code: "x", Scope: d("s", "\xff")})), "kwargs.list.1.x.y.s", "", "text must be valid UTF-8"},
		"depth":     {kwargs(t, nest(33, false)), "kwargs" + strings.Repeat(".k", 32), "", "nested deeper than 32 levels"},
		"broken":    {short, "kwargs", "", "not a valid BSON document: "},
	} {
		var invalid *tasks.InvalidError
		err := tasks.CheckKwargs(c.raw)
		if !errors.As(err, &invalid) || invalid.Field != c.field || invalid.Value != c.value || !strings.HasPrefix(invalid.Reason, c.reason) {
			t.Errorf("%s: %#v", name, err)
		}
	}
}

func TestCheckKwargsAllocatesNothing(t *testing.T) {
	raw := kwargs(t, d("n", int64(1), "text", "x", "list", bson.A{d("a", true), "y"}, "at", bson.DateTime(7)))
	allocs := testing.AllocsPerRun(100, func() {
		if err := tasks.CheckKwargs(raw); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
