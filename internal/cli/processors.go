package cli

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongouri"
)

// processorView is a process with processors as --json writes it.
type processorView struct {
	Names    []string  `json:"names"`
	Host     string    `json:"host"`
	PID      int       `json:"pid"`
	Started  time.Time `json:"started"`
	LastBeat time.Time `json:"lastBeat"`
	Alive    bool      `json:"alive"`
	Classes  []string  `json:"classes"`
	Version  string    `json:"version"`
	Running  int       `json:"running"`
}

func (p *program) processorsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "processors", Short: "list the processes that run processors", Args: expects(),
		Long: "List the processes that run processors, the oldest first. RUNNING is how many\ntasks they have claimed. A process is dead if it gave no sign of life for 30 s;\nit is listed until its names are taken again.\n\n" +
			"--json writes one document a line.",
		Example: "PROGRAM processors\nPROGRAM processors --json | jq 'select(.alive | not)'",
	}
	config := withConfig(cmd)
	withJSON(cmd, &asJSON, "one JSON document a line")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return timed(cmd.Context(), func(ctx context.Context) error {
			return p.connected(ctx, config, func(conn *lgtask.Connection) error {
				infos, err := conn.Processors(ctx)
				if err != nil {
					return err
				}
				return p.showProcessors(infos, asJSON, time.Now())
			})
		})
	}
	return cmd
}

func (p *program) showProcessors(infos []lgtask.ProcessorInfo, asJSON bool, now time.Time) error {
	table := newTable(p.stdout, "NAMES", "HOST", "PID", "STATE", "LAST BEAT", "STARTED", "RUNNING", "CLASSES", "VERSION")
	for _, info := range infos {
		if asJSON {
			if err := p.printJSON(viewProcessor(info)); err != nil {
				return err
			}
			continue
		}
		state := "dead"
		if info.Alive {
			state = "alive"
		}
		if err := table.row(cell(strings.Join(info.Names, ","), textWidth), cell(info.Host, nameWidth), strconv.Itoa(info.PID), state,
			relative(info.LastBeat, now), relative(info.Started, now), strconv.Itoa(info.Running),
			cell(strings.Join(info.Classes, ","), textWidth), cell(info.Version, nameWidth)); err != nil {
			return err
		}
	}
	if asJSON {
		return nil
	}
	return table.flush()
}

func viewProcessor(info lgtask.ProcessorInfo) processorView {
	return processorView{Names: maskAll(info.Names), Host: mongouri.Redact(info.Host), PID: info.PID, Started: info.Started, LastBeat: info.LastBeat,
		Alive: info.Alive, Classes: maskAll(info.Classes), Version: mongouri.Redact(info.Version), Running: info.Running}
}

// maskAll masks the secrets in texts; the result is never null in JSON.
func maskAll(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = mongouri.Redact(s)
	}
	return out
}
