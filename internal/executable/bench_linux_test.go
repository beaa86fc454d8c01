package executable_test

import (
	"net/http"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/lgtask/lgtask/internal/executable"
)

// BenchmarkCost runs /bin/true in turns by exec.Cmd alone and by Run, and
// reports what Run costs beyond: the median and the range of the middle 80 %.
// TEST_ROLE=subreaper in the environment adds the search for orphans.
func BenchmarkCost(b *testing.B) {
	program, err := os.ReadFile("/bin/true")
	must(b, err)
	file := task(b, "true", string(program))
	for name, handler := range map[string]http.Handler{"alone": nil, "with socket": echo} {
		b.Run(name, func(b *testing.B) {
			var bare, ours, cost []time.Duration
			for b.Loop() {
				began := time.Now()
				must(b, exec.Command(file.Path).Run())
				between := time.Now()
				res, err := executable.Run(b.Context(), executable.Spec{File: file, Stdin: []byte("{}"), Handler: handler})
				took := time.Since(between)
				must(b, err)
				if res.Code != 0 {
					b.Fatal(res)
				}
				bare, ours = append(bare, between.Sub(began)), append(ours, took)
				cost = append(cost, took-between.Sub(began))
			}
			b.ReportMetric(0, "ns/op") // of both together: means nothing
			for name, values := range map[string][]time.Duration{"bare": bare, "run": ours, "cost": cost} {
				slices.Sort(values)
				for part, percent := range map[string]int{"p10": 10, "p50": 50, "p90": 90} {
					b.ReportMetric(float64(values[len(values)*percent/100].Microseconds()), name+"-"+part+"-µs")
				}
			}
		})
	}
}
