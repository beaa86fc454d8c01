package report

import (
	"strings"
	"testing"
)

func TestMetricLine(t *testing.T) {
	s := NewSeries("drain_10", "tasks/s", Params{"tasks": 20, "processors": 10})
	s.Add(100.00004, 200, 20)
	s.Add(300, 400, 20) // the ratios are 0.5, 0.75 and 0.9
	s.Add(90, 100, 20)
	for _, ms := range []float64{30, 10.0000044, 1} {
		s.Beside("start_ms", ms)
	}
	var line strings.Builder
	if err := s.Metric().Write(&line); err != nil {
		t.Fatal(err)
	}
	const want = `{"metric":"drain_10","value":100,"unit":"tasks/s","p50":null,"p99":null,"n":60,` +
		`"raw":200,"ratio":0.75,"min":90,"max":300,"params":{"processors":10,"start_ms":10,"tasks":20}}` + "\n"
	if line.String() != want {
		t.Errorf("got  %swant %s", line.String(), want)
	}
}

func TestMetricWithSamplesAndWithoutRaw(t *testing.T) {
	s := NewSeries("idle_latency", "ms", nil)
	for range 99 {
		s.Sample(2.00000004)
	}
	s.Sample(1, 50)
	s.Add(2, 0, 101)
	m := s.Metric()
	if m.P50 == nil || *m.P50 != 2 || m.P99 == nil || *m.P99 != 2 || m.Raw != nil || m.Ratio != nil || m.N != 101 {
		t.Errorf("%+v", m)
	}
	var line strings.Builder
	if err := m.Write(&line); err != nil || !strings.Contains(line.String(), `"raw":null,"ratio":null`) || !strings.Contains(line.String(), `"params":{}`) {
		t.Errorf("%s, %v", line.String(), err)
	}
}

func TestTable(t *testing.T) {
	a := NewSeries("drain_100", "tasks/s", nil)
	a.Add(12345.6, 20000, 20000)
	b := NewSeries("idle_latency", "ms", nil)
	b.Add(3.14159, 0, 5)
	b.Sample(3)
	var out strings.Builder
	if err := Table(&out, []Metric{a.Metric(), b.Metric()}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines:\n%s", len(lines), out.String())
	}
	for i, want := range []string{
		"metric value unit min to max p50 ms p99 ms raw ratio n",
		"drain_100 12,300 tasks/s 12,300 to 12,300 - - 20,000 0.62 20,000",
		"idle_latency 3.14 ms 3.14 to 3.14 3 3 - - 5",
	} {
		if got := strings.Join(strings.Fields(lines[i]), " "); got != want {
			t.Errorf("line %d: %q; want %q", i, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 0.5: "0.5", 0.0004: "0.0004", 0.0123456: "0.0123", 3.14159: "3.14", 31.4159: "31.4", 100: "100", 314.159: "314",
		999.6: "1,000", 1234: "1,230", 20000: "20,000", 1234567: "1,230,000", -0.25: "-0.25", -4321: "-4,320",
	} {
		if got := Number(v); got != want {
			t.Errorf("%v is written %q; want %q", v, got, want)
		}
	}
}
