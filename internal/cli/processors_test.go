package cli

import (
	"bytes"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
)

func TestProcessorsTable(t *testing.T) {
	now := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	infos := []lgtask.ProcessorInfo{
		{Names: []string{"h-1", "h-2"}, Host: "h", PID: 5, Started: now.Add(-time.Hour), LastBeat: now.Add(-2 * time.Second), Alive: true,
			Classes: []string{"A", "B"}, Version: "v1", Running: 2},
		{Host: "evil\x1b[2J", LastBeat: now.Add(-time.Minute)},
	}
	show := func(asJSON bool) string {
		var out bytes.Buffer
		p := &program{stdout: &output{w: &out}}
		if err := p.showProcessors(infos, asJSON, now); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	want := `NAMES    HOST         PID  STATE  LAST BEAT  STARTED  RUNNING  CLASSES  VERSION
h-1,h-2  h            5    alive  2s ago     1h ago   2        A,B      v1
-        evil\x1b[2J  0    dead   1m ago     -        0        -        -
`
	if got := show(false); got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
	want = `{"names":["h-1","h-2"],"host":"h","pid":5,"started":"2026-03-29T11:00:00Z","lastBeat":"2026-03-29T11:59:58Z","alive":true,"classes":["A","B"],"version":"v1","running":2}
{"names":[],"host":"evil\u001b[2J","pid":0,"started":"0001-01-01T00:00:00Z","lastBeat":"2026-03-29T11:59:00Z","alive":false,"classes":[],"version":"","running":0}
`
	if got := show(true); got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
}
