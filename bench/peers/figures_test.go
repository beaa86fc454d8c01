package main

import (
	"strings"
	"testing"
)

func TestStarts(t *testing.T) {
	at, err := starts(3, reply{Seqs: []int{2, 0, 1}, Instants: []int64{30, 10, 20}})
	if err != nil || at[0] != 10 || at[1] != 20 || at[2] != 30 {
		t.Errorf("got %v, %v", at, err)
	}
	for want, ran := range map[string]reply{
		"task 1 ran twice":         {Seqs: []int{0, 1, 1}, Instants: []int64{1, 2, 3}},
		"task 2 did not run":       {Seqs: []int{0, 1}, Instants: []int64{1, 2}},
		"task 3 ran, but only":     {Seqs: []int{0, 1, 3}, Instants: []int64{1, 2, 3}},
		"task -1 ran, but only":    {Seqs: []int{-1}, Instants: []int64{1}},
		"reports 1 tasks and 2 st": {Seqs: []int{0}, Instants: []int64{1, 2}},
	} {
		if _, err := starts(3, ran); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v instead of %q", err, want)
		}
	}
}

func TestDelays(t *testing.T) {
	s, err := delays([]int64{1000, 2000}, reply{Seqs: []int{1, 0}, Instants: []int64{1500, 2500}})
	if err != nil || s.n != 2 || s.early != 1 || s.delays[0] != 1.5 || s.delays[1] != -0.5 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestCells(t *testing.T) {
	rates := summarize("a", []sample{{n: 5, rate: 1234560}, {n: 5, rate: 900}, {n: 5, rate: 45678}}, map[string]any{})
	if got := cell(rates, true); got != "45,678/s (900 to 1,234,560)" {
		t.Errorf("a rate reads %q", got)
	}
	late := summarize("b", []sample{{n: 2, delays: []float64{-400, 1000}, early: 1}}, map[string]any{})
	if got := cell(late, true); got != "-400 / 1000 ms (-400 to -400), 50% early" {
		t.Errorf("delays read %q", got)
	}
	if got := cell(late, false); got != "-" {
		t.Errorf("what was not measured reads %q", got)
	}
}
