package kwargs

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// worker stands for a class that others embed, which has the helper's method
// by promotion only.
type worker struct {
	helper
	Name string
}

type Public struct {
	ID     string `lgtask:"required"`
	Shadow int
}

func TestFields(t *testing.T) {
	type class struct {
		worker
		*Public
		time.Time
		sync.Mutex
		Shadow string
		TaskDB any                `json:",omitempty"`
		Inner  struct{ X, Y int } `bson:",inline"`
		Rest   map[string]any     `bson:",inline"`
		Gone   chan int           `lgtask:"-"`
		Gone2  func()             `json:"-"`
		lower  int
	}
	c, err := Fields(reflect.TypeFor[*class]())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.Names(), " "); got != "name id shadow time taskDb x y" {
		t.Errorf("got %s", got)
	}
	id, _ := c.Field("id")
	db, _ := c.Field("taskDb")
	shadow, _ := c.Field("shadow")
	_, unknown := c.Field("lower")
	if !id.Required || id.GoName != "Public.ID" || !db.OmitEmpty || shadow.Type.Kind() != reflect.String || unknown || c.Rest == nil || c.Rest.GoName != "Rest" {
		t.Errorf("got %+v", c)
	}
	if again, _ := Fields(reflect.TypeFor[class]()); again != c {
		t.Error("the description is not cached")
	}

	b := newTestBinder(t, Options{})
	v := class{lower: 5}
	decode(t, b, doc(t, "lower", 6, "id", "i", "name", "n", "shadow", "s", "x", 1, "more", true), &v)
	if v.Public == nil || v.ID != "i" || v.Name != "n" || v.Shadow != "s" || v.Inner.X != 1 || v.Rest["more"] != true || v.lower != 5 {
		t.Errorf("got %+v", &v)
	}
	raw := encode(t, b, &class{})
	if _, err := raw.LookupErr("id"); err == nil {
		t.Errorf("a field of a nil embedded pointer is in %s", raw)
	}
}

type hiddenPointer struct{ X int }

type selfish struct {
	*selfish
	X int
}

func TestFieldsRefuses(t *testing.T) {
	for _, c := range []struct {
		class any
		words string
	}{
		{1, "a task class is a struct"},
		{map[string]any{}, "a task class is a struct"},
		{struct{ A, B int }{}, ""},
		{struct {
			A int
			B int `bson:"a"`
		}{}, `same kwarg "a" as field A`},
		{struct{ *hiddenPointer }{}, "embed the struct itself"},
		{struct {
			R map[string]int `bson:",inline"`
			S map[string]int `bson:",inline"`
		}{}, "at most one inline map"},
		{struct {
			R map[int]int `bson:",inline"`
		}{}, "inline is for"},
		{struct {
			A int `lgtask:"requierd"`
		}{}, `"requierd" is not known`},
		{struct{ C chan int }{}, "cannot be a kwarg"},
		{struct{ F func() }{}, "cannot be a kwarg"},
		{struct {
			A int `bson:"a\x00"`
		}{}, "NUL"},
	} {
		_, err := Fields(reflect.TypeOf(c.class))
		var ce *ClassError
		switch {
		case c.words == "" && err != nil, c.words != "" && (!errors.As(err, &ce) || !strings.Contains(err.Error(), c.words)):
			t.Errorf("%T: error %v, want %q", c.class, err, c.words)
		}
	}
	if _, err := Fields(nil); err == nil {
		t.Error("no error for nil")
	}
	if s := (selfish{}); s.selfish != nil {
		t.Error("impossible")
	}
	if c, err := Fields(reflect.TypeFor[struct{ *selfish }]()); err == nil {
		t.Errorf("got %+v", c)
	}
	type recursive struct{ Public }
	if _, err := Fields(reflect.TypeFor[struct{ recursive }]()); err != nil {
		t.Error(err)
	}
}

func TestOmitEmpty(t *testing.T) {
	type class struct {
		I int             `bson:",omitempty"`
		S string          `bson:",omitempty"`
		M map[string]int  `bson:",omitempty"`
		T time.Time       `bson:",omitempty"`
		P *int            `bson:",omitempty"`
		A any             `bson:",omitempty"`
		D bson.D          `json:",omitempty"`
		N struct{ X int } `bson:",omitempty"`
	}
	raw := encode(t, newTestBinder(t, Options{}), class{})
	if raw.String() != `{"n": {"x": {"$numberInt":"0"}}}` {
		t.Errorf("got %s", raw)
	}
}

// FuzzDecode feeds bytes to every kind of field: no panic, typed errors only,
// and what any fields take comes back equal.
func FuzzDecode(f *testing.F) {
	b := newTestBinder(f, Options{})
	f.Add([]byte(encode(f, b, full())))
	f.Add([]byte(doc(f, "any", "mongodb://u:secret@h/d/c", "text", bson.Symbol("x"))))
	f.Add([]byte(doc(f, "any", bson.CodeWithScope{Code: "x", Scope: bson.D{{Key: "a", Value: bson.A{1}}}})))
	f.Add([]byte{5, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, dst := range []any{&everything{}, &map[string]any{}, &nested{}, &map[string]nested{}} {
			release, err := b.Decode(t.Context(), data, dst)
			release()
			var fe *FieldError
			if err != nil && !errors.As(err, &fe) {
				t.Errorf("%T: %v", err, err)
			}
			if err != nil {
				continue
			}
			raw, err := b.Encode(dst)
			var ee *EncodeError
			if err != nil && !errors.As(err, &ee) {
				t.Errorf("%T: %v", err, err)
			}
			if err != nil {
				continue
			}
			again := reflect.New(reflect.TypeOf(dst).Elem()).Interface()
			release, err = b.Decode(t.Context(), raw, again)
			release()
			// A symbol comes back as a text, which may look like an address.
			if err != nil && !strings.Contains(err.Error(), "MongoDB") {
				t.Errorf("decoding what was encoded: %v", err)
			}
		}
	})
}
