package tasks_test
import ("testing";"time";"github.com/lgtask/lgtask/tasks";"github.com/lgtask/lgtask/tasks/taskstest";"go.mongodb.org/mongo-driver/v2/bson")
func TestTmpMulti(t *testing.T) {
	s, record := monitoredStore(t, taskstest.URI(t))
	now, _ := s.Now(t.Context())
	fill(t, collection(s), now)
	for _, extra := range []bson.D{d("taskClass","Zzz","state","request","priority",1,"tsRequest",bson.A{now}), d("taskClass",bson.A{"Zzz"},"state","request","priority",1,"tsRequest",now),d("taskClass","Zzz","state",bson.A{"request"},"priority",1,"tsRequest",now)} {
	insertRaw(t, collection(s), extra)
	t.Log(extra)
	for _, command := range record(func() {
		s.Candidates(t.Context(), tasks.Query{Classes: []string{"Ours","Absent"}, Limit: 10})
		s.Upcoming(t.Context(), now.Add(time.Minute), 100)
		s.Foreign(t.Context(), []string{"Ours","Absent"}, 100)
	}) {
		p := explain(t, s, command)
		t.Log(stages(bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: p.Planner.Winning}), p.Stats)
	}
	}
}
