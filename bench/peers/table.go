package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lgtask/lgtask/bench/internal/report"
)

// printAll prints the lines and then a table of each configuration.
func printAll(out io.Writer, lines []report.Metric) error {
	w := bufio.NewWriter(out)
	found := map[string]report.Metric{}
	for _, l := range lines {
		if err := l.Write(w); err != nil {
			return err
		}
		found[l.Metric] = l
	}
	for _, tuned := range []bool{true, false} {
		if cells := table(found, tuned); len(cells) > 1 {
			fmt.Fprintf(w, "\n%s\n\n", title(tuned))
			printTable(w, cells)
		}
	}
	return w.Flush()
}

func title(tuned bool) string {
	if tuned {
		return "Tuned: rates are median (min to max) of the rounds, delays p50 / p99 in ms (min to max of the p50)."
	}
	return "The same in the default configurations."
}

// table returns the heading and a line for each row that was measured, with a
// column for each peer that was.
func table(found map[string]report.Metric, tuned bool) [][]string {
	metric := func(p peer, r row) string { return setting{peer: p, tuned: tuned}.metric(r) }
	known := func(p peer, r row) bool { _, ok := found[metric(p, r)]; return ok }
	columns := slices.DeleteFunc(slices.Clone(peers), func(p peer) bool {
		return !slices.ContainsFunc(rows, func(r row) bool { return known(p, r) })
	})
	heading := []string{""}
	for _, p := range columns {
		heading = append(heading, p.name)
	}
	cells := [][]string{heading}
	for _, r := range rows {
		if !slices.ContainsFunc(columns, func(p peer) bool { return known(p, r) }) {
			continue
		}
		entries := []string{r.name}
		for _, p := range columns {
			entries = append(entries, cell(found[metric(p, r)], known(p, r)))
		}
		cells = append(cells, entries)
	}
	return cells
}

func cell(l report.Metric, ok bool) string {
	switch {
	case !ok:
		return "-"
	case l.P99 == nil:
		return fmt.Sprintf("%s/s (%s to %s)", thousands(l.Value), thousands(l.Min), thousands(l.Max))
	}
	text := fmt.Sprintf("%s / %s ms (%s to %s)", ms(l.Value), ms(*l.P99), ms(l.Min), ms(l.Max))
	if early, _ := l.Params["early"].(int); early > 0 {
		text += fmt.Sprintf(", %d%% early", (100*early+l.N/2)/l.N)
	}
	return text
}

// thousands writes a whole number with commas.
func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// ms writes what is below 100 with a decimal and the rest without.
func ms(v float64) string {
	if v < 100 && v > -100 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// printTable writes Markdown whose columns line up.
func printTable(w io.Writer, cells [][]string) {
	widths := make([]int, len(cells[0]))
	for _, entries := range cells {
		for i, text := range entries {
			widths[i] = max(widths[i], len(text))
		}
	}
	for n, entries := range cells {
		for i, text := range entries {
			fmt.Fprintf(w, "| %-*s ", widths[i], text)
		}
		fmt.Fprintln(w, "|")
		if n == 0 {
			for _, width := range widths {
				fmt.Fprintf(w, "|%s", strings.Repeat("-", width+2))
			}
			fmt.Fprintln(w, "|")
		}
	}
}
