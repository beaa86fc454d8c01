package kwargs

import "testing"

type small struct {
	Arg   int64
	Name  string
	Tags  []string
	Where any
}

func BenchmarkEncode(b *testing.B) {
	binder := newTestBinder(b, Options{})
	v := small{Arg: 1, Name: "n", Tags: []string{"a", "b"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := binder.Encode(&v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	binder := newTestBinder(b, Options{})
	raw := encode(b, binder, small{Arg: 1, Name: "n", Tags: []string{"a", "b"}})
	b.ReportAllocs()
	for b.Loop() {
		var v small
		release, err := binder.Decode(b.Context(), raw, &v)
		if err != nil {
			b.Fatal(err)
		}
		release()
	}
}
