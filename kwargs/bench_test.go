package kwargs

import (
	"strings"
	"testing"
)

// plain is a class of leaves only.
type plain struct {
	N    int64
	Text string
}

// small has fields that the driver's codec writes and reads, too.
type small struct {
	Arg   int64
	Name  string
	Tags  []string
	Where any
}

func BenchmarkEncode(b *testing.B) {
	binder := newTestBinder(b, Options{})
	for name, v := range map[string]any{
		"plain": &plain{N: 1, Text: strings.Repeat("x", 100)},
		"small": &small{Arg: 1, Name: "n", Tags: []string{"a", "b"}},
		"map":   map[string]any{"n": int64(1), "text": strings.Repeat("x", 100)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := binder.Encode(v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	binder := newTestBinder(b, Options{})
	b.Run("plain", func(b *testing.B) { benchmarkDecode(b, binder, plain{N: 1, Text: strings.Repeat("x", 100)}) })
	b.Run("small", func(b *testing.B) { benchmarkDecode(b, binder, small{Arg: 1, Name: "n", Tags: []string{"a", "b"}}) })
}

func benchmarkDecode[T any](b *testing.B, binder *Binder, in T) {
	raw := encode(b, binder, in)
	b.ReportAllocs()
	for b.Loop() {
		var v T
		release, err := binder.Decode(b.Context(), raw, &v)
		if err != nil {
			b.Fatal(err)
		}
		release()
	}
}
