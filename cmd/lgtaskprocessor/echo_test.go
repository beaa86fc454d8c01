package main

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

func TestEchoText(t *testing.T) {
	value := func(v any) bson.RawValue {
		kind, data, err := bson.MarshalValue(v)
		if err != nil {
			t.Fatal(err)
		}
		return bson.RawValue{Type: kind, Value: data}
	}
	for want, kwargs := range map[string]map[string]bson.RawValue{
		`{}`:                            nil,
		`{"a":1,"b":["x",null],"c":{}}`: {"c": value(bson.D{}), "b": value(bson.A{"x", nil}), "a": value(int64(1))},
		`{"to":"mongodb://xxxxx@h/db"}`: {"to": value("mongodb://bob:hunter2@h/db")},
		`{"none":null}`:                 {"none": {}},
		`{"to":"mongodb://h/db/coll"}`:  {"to": value("mongodb://h/db/coll")},
	} {
		got, err := (&Echo{Kwargs: kwargs}).text()
		if err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}
