package tasks

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Whatever field of a task is set, also one that is added some day, it is
// written as its tag says.
func TestEncodeWritesWhatMarshalDoes(t *testing.T) {
	kw, err := bson.Marshal(bson.D{{Key: "to", Value: "you"}, {Key: "n", Value: 1}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	plain := Task{ID: NewID(), V: Version, TaskClass: "Mail", Kwargs: kw, State: Request, TsInsert: now, TsRequest: now}
	same := func(name string, task *Task) {
		t.Helper()
		want, err := bson.Marshal(task)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := task.encode(); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, bson.Raw(want))
		}
	}
	same("plain", &plain)
	text, err := StringID("order-17")
	if err != nil {
		t.Fatal(err)
	}
	named := plain
	named.ID, named.TaskName, named.Priority = text, "n", MinPriority
	same("named", &named)
	for i := range reflect.TypeFor[Task]().NumField() {
		task, field := plain, reflect.TypeFor[Task]().Field(i)
		fillIn(t, reflect.ValueOf(&task).Elem().Field(i))
		same(field.Name, &task)
	}
}

// fillIn sets a field to a value that is not its zero one.
func fillIn(t *testing.T, v reflect.Value) {
	t.Helper()
	values := []any{NewID(), bson.Raw{5, 0, 0, 0, 0}, time.UnixMilli(1e12), ClaimMark{bson.NewObjectID()},
		[]TaskError{{Attempt: 1, Text: "x"}}, ScheduleRef{UID: bson.NewObjectID(), Number: 1}}
	for _, value := range values {
		if reflect.TypeOf(value) == v.Type() {
			v.Set(reflect.ValueOf(value))
			return
		}
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(7)
	case reflect.String:
		v.SetString("x")
	case reflect.Interface:
		v.Set(reflect.ValueOf("x"))
	default:
		t.Fatalf("a field of type %v: give this test a value for it", v.Type())
	}
}

func BenchmarkEncode(b *testing.B) {
	task := &Task{ID: NewID(), V: Version, TaskClass: "Mail", Kwargs: emptyDocument, State: Request, TsInsert: time.Now(), TsRequest: time.Now()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := task.encode(); err != nil {
			b.Fatal(err)
		}
	}
}
