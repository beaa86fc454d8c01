package tasks_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func join(t *testing.T, s *tasks.Store, epoch string, names ...string) tasks.Process {
	t.Helper()
	p := tasks.Process{Epoch: epoch, Names: names, Host: "h", Boot: "b", Space: "s", PID: 7, Start: "1", Version: "v", Classes: []string{"$A"}}
	if err := s.Join(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return read(t, s, epoch)
}

func read(t *testing.T, s *tasks.Store, epoch string) tasks.Process {
	t.Helper()
	p, err := s.Process(t.Context(), epoch)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProcess(t *testing.T) {
	s := taskstest.Store(t)
	p := join(t, s, "e1", "n1", "n2")
	if p.Host != "h" || p.Boot != "b" || p.Space != "s" || p.PID != 7 || p.Start != "1" || p.Version != "v" || p.Classes[0] != "$A" || p.Beats != 0 || p.Dead {
		t.Errorf("read back: %+v", p)
	}
	if p.Since.IsZero() || p.Age < 0 || p.Age > time.Minute {
		t.Errorf("since %v, age %v", p.Since, p.Age)
	}
	for n := range int64(2) {
		if ok, err := s.Beat(t.Context(), "e1", []string{"n1"}); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if p = read(t, s, "e1"); p.Beats != n+1 || len(p.Names) != 1 {
			t.Errorf("after beat %d: %+v", n+1, p)
		}
	}
	if again := join(t, s, "e1", "n1"); again.Beats != p.Beats || !again.Since.Equal(p.Since) {
		t.Errorf("joined again: %+v", again)
	}
	if ok, err := s.Beat(t.Context(), "other", nil); ok || err != nil {
		t.Errorf("a beat of a process that never joined: %v, %v", ok, err)
	}
	join(t, s, "e2")
	if ps, err := s.Processes(t.Context()); err != nil || len(ps) != 2 || ps[0].Epoch != "e1" {
		t.Errorf("processes: %+v, %v", ps, err)
	}
	if err := s.Leave(t.Context(), "e1"); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.Beat(t.Context(), "e1", nil); ok || err != nil {
		t.Errorf("a beat after leaving: %v, %v", ok, err)
	}
}

func TestNames(t *testing.T) {
	s := taskstest.Store(t)
	join(t, s, "e1")
	take := func(name, epoch string, want bool, holder string) {
		t.Helper()
		free, p, err := s.TakeName(t.Context(), name, epoch)
		if err != nil || free != want || p.Epoch != holder {
			t.Fatalf("%s takes %s: %v, holder %q, %v; want %v, %q", epoch, name, free, p.Epoch, err, want, holder)
		}
	}
	take("n", "e1", true, "")
	take("n", "e1", true, "") // sent twice
	take("n", "e2", false, "e1")
	take("m", "e2", true, "")
	if err := s.DropName(t.Context(), "n", "e2"); err != nil { // not its own
		t.Fatal(err)
	}
	take("n", "e2", false, "e1")
	if err := s.DropName(t.Context(), "n", "e1"); err != nil {
		t.Fatal(err)
	}
	take("n", "e2", true, "")
	take("n", "e3", true, "") // e2 never joined: nobody has it
	if got, err := s.TakeNames(t.Context(), []string{"a", "n", "b"}, "e1"); err != nil || len(got) != 2 || got[0] != "a" || got[1] != "b" {
		t.Errorf("of three names, one of which is taken: %v, %v", got, err)
	}
	take("b", "e2", false, "e1")
	if err := s.Leave(t.Context(), "e3"); err != nil {
		t.Fatal(err)
	}
	take("n", "e1", true, "")
}

func TestNameRace(t *testing.T) {
	s := taskstest.Store(t)
	for _, prepare := range []func(name string){
		func(string) {}, // nobody has it
		func(name string) { // a process that is gone has it
			if _, _, err := s.TakeName(t.Context(), name, "gone"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		name := tasks.NewID().String()
		prepare(name)
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range 20 {
			epoch := string(rune('a' + i))
			join(t, s, epoch)
			wg.Go(func() {
				free, _, err := s.TakeName(t.Context(), name, epoch)
				if err != nil {
					t.Error(err)
				}
				if free {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d took one name", won.Load())
		}
	}
}

func TestBury(t *testing.T) {
	s := taskstest.Store(t)
	held := func(holder string) tasks.Held {
		t.Helper()
		c, err := s.Candidate(t.Context(), insert(t, s))
		if err != nil {
			t.Fatal(err)
		}
		h := tasks.Held{Candidate: c, Claim: tasks.NewClaim("p", holder)}
		if v, err := s.Claim(t.Context(), c, h.Claim, "", ""); err != nil || v != tasks.Won {
			t.Fatal(v, err)
		}
		return h
	}
	join(t, s, "living")
	seen := join(t, s, "dead")
	working, killed, other := held("dead"), held("dead"), held("living")
	if _, err := collection(s).UpdateByID(t.Context(), killed.ID, bson.D{{Key: "$set", Value: bson.D{{Key: "state", Value: tasks.Kill}}}}); err != nil {
		t.Fatal(err)
	}
	state := func(id tasks.ID, want tasks.State) tasks.Task {
		t.Helper()
		task, err := s.Get(t.Context(), id)
		if err != nil || task.State != want {
			t.Fatalf("task is %s, %v; want %s", task.State, err, want)
		}
		return task
	}
	// A sign of life since it was seen.
	if ok, err := s.Beat(t.Context(), "dead", nil); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if ok, err := s.Bury(t.Context(), seen); ok || err != nil {
		t.Fatalf("buried alive: %v, %v", ok, err)
	}
	state(working.ID, tasks.Working)

	if ok, err := s.Bury(t.Context(), read(t, s, "dead")); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if task := state(working.ID, tasks.Request); task.Crashes != 1 || task.Attempt != 0 || task.LastLog != "the process that ran it died" {
		t.Errorf("given back as %+v", task)
	}
	if task := state(killed.ID, tasks.Error); task.LastLog != "killed; the process that ran it died" {
		t.Errorf("the killed one ended as %+v", task)
	}
	state(other.ID, tasks.Working)
	if err := s.Finish(t.Context(), working, tasks.Outcome{State: tasks.Success}); err != tasks.ErrFenced {
		t.Errorf("the dead process finishes: %v", err)
	}
	if ok, err := s.Beat(t.Context(), "dead", nil); ok || err != nil {
		t.Errorf("the dead process beats: %v, %v", ok, err)
	}
	if ok, err := s.Bury(t.Context(), seen); !ok || err != nil {
		t.Errorf("buried twice: %v, %v", ok, err)
	}
	if err := s.Finish(t.Context(), other, tasks.Outcome{State: tasks.Success}); err != nil {
		t.Error(err)
	}
}

// The holders are found by as many steps in the index as there are of them.
func TestHolders(t *testing.T) {
	s, record := monitoredStore(t, taskstest.URI(t))
	for i := range 30 {
		c := candidate(t, s, insert(t, s))
		if v, err := s.Claim(t.Context(), c, tasks.NewClaim("p", fmt.Sprint("h", i%3)), "", ""); err != nil || v != tasks.Won {
			t.Fatal(v, err)
		}
	}
	var holders []string
	var err error
	commands := record(func() { holders, err = s.Holders(t.Context()) })
	if slices.Sort(holders); err != nil || !slices.Equal(holders, []string{"h0", "h1", "h2"}) {
		t.Errorf("%v, %v", holders, err)
	}
	if p := explain(t, s, commands[0]); p.Stats.Keys > 4 || p.Stats.Docs > 3 {
		t.Errorf("%d keys and %d documents were read", p.Stats.Keys, p.Stats.Docs)
	}
}

// A holder that is no process has its tasks taken away, one that is there has not.
func TestBuryStray(t *testing.T) {
	s := taskstest.Store(t)
	ids := map[string]tasks.ID{}
	for _, holder := range []string{"gone", "there"} {
		ids[holder] = insert(t, s)
		if v, err := s.Claim(t.Context(), candidate(t, s, ids[holder]), tasks.NewClaim("p", holder), "", ""); err != nil || v != tasks.Won {
			t.Fatal(v, err)
		}
	}
	if err := s.Join(t.Context(), tasks.Process{Epoch: "there", Names: []string{}, Classes: []string{}}); err != nil {
		t.Fatal(err)
	}
	for holder, want := range map[string]int{"gone": 1, "there": 0} {
		if n, err := s.BuryStray(t.Context(), holder); err != nil || n != want {
			t.Errorf("%s: %d tasks, %v", holder, n, err)
		}
		if task := get(t, s, ids[holder]); (task.State == tasks.Request) != (want == 1) {
			t.Errorf("the task of %s is %s", holder, task.State)
		}
	}
}

// A task under which three processes died is given to no fourth.
func TestQuarantine(t *testing.T) {
	s := taskstest.Store(t)
	id := insert(t, s, func(task *tasks.Task) { task.TaskName, task.PendingKey = "n", "Mail/n" })
	neighbour := insert(t, s)
	for i := range tasks.MaxCrashes {
		epoch := fmt.Sprint("e", i)
		if err := s.Join(t.Context(), tasks.Process{Epoch: epoch, Names: []string{}, Classes: []string{}}); err != nil {
			t.Fatal(err)
		}
		if v, err := s.Claim(t.Context(), candidate(t, s, id), tasks.NewClaim("p", epoch), "Mail/n", ""); err != nil || v != tasks.Won {
			t.Fatal(v, err)
		}
		if i == 0 {
			if _, err := s.ClaimMany(t.Context(), []tasks.ID{neighbour}, nil, tasks.NewClaim("", epoch)); err != nil {
				t.Fatal(err)
			}
		}
		p, err := s.Process(t.Context(), epoch)
		if err != nil {
			t.Fatal(err)
		}
		if gone, err := s.Bury(t.Context(), p); err != nil || !gone {
			t.Fatal(gone, err)
		}
	}
	task := get(t, s, id)
	if task.State != tasks.Error || task.Crashes != tasks.MaxCrashes || task.RunningKey != "" || task.LastKey != "Mail/n" || len(task.Errors) != 1 || task.ExpireAt.IsZero() {
		t.Errorf("%+v", task)
	}
	if task := get(t, s, neighbour); task.State != tasks.Request || task.Crashes != 1 {
		t.Errorf("what was claimed ahead once: %s, %d crashes", task.State, task.Crashes)
	}
}
