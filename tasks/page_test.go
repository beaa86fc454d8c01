package tasks_test

import (
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// Paging by the smallest _id seen so far lists every task once, whatever the
// types of the _ids.
func TestFindPagesOverAllTypes(t *testing.T) {
	s := taskstest.Store(t)
	uuid := bson.Binary{Subtype: bson.TypeBinaryUUID, Data: []byte("0123456789abcdef")}
	ids := []any{bson.NewObjectID(), bson.NewObjectID(), uuid, "a", "b", int32(7), int64(1 << 40)}
	for _, id := range ids {
		if _, err := s.Database().Collection("tasks").InsertOne(t.Context(), bson.D{{Key: "_id", Value: id}, {Key: "taskClass", Value: "Mail"}, {Key: "state", Value: "request"}}); err != nil {
			t.Fatal(err)
		}
	}
	var seen []tasks.ID
	f := tasks.Filter{Limit: 1}
	for {
		page, err := s.Find(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		if slices.Contains(seen, page[0].ID) {
			t.Fatalf("%s is listed twice", page[0].ID)
		}
		seen = append(seen, page[0].ID)
		f.Before = page[0].ID
	}
	if len(seen) != len(ids) {
		t.Errorf("%d of %d tasks listed: %v", len(seen), len(ids), seen)
	}
}
