package tasks_test

import (
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
)

func BenchmarkCheckKwargs(b *testing.B) {
	many := bson.D{}
	for i := range 1000 {
		many = append(many, bson.E{Key: fmt.Sprint("key", i), Value: i})
	}
	for name, v := range map[string]any{
		"small":  d("n", int64(1), "text", strings.Repeat("x", 100)),
		"nested": d("list", bson.A{d("a", 1, "b", "x"), d("a", 2, "b", "y")}, "at", bson.DateTime(7), "raw", []byte{1, 2}),
		"large":  many,
	} {
		raw := kwargs(b, v)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := tasks.CheckKwargs(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
