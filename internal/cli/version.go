package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

const modulePath = "github.com/lgtask/lgtask"

// versionView is what --json writes of the program.
type versionView struct {
	Version  string `json:"version"`            // the program's
	Lgtask   string `json:"lgtask,omitempty"`   // that of the library in it, if it is another module
	Revision string `json:"revision,omitempty"` // of the source
	Modified bool   `json:"modified"`           // the source had changes beside
	Go       string `json:"go"`
}

func (p *program) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version", Short: "tell the version", Args: expects(),
		Long:    "Tell the program's version, the revision it was built from and the version of Go,\nas far as the build recorded them.",
		Example: "PROGRAM version\nPROGRAM version --json",
	}
	withJSON(cmd, &asJSON, "one JSON document")
	cmd.RunE = func(*cobra.Command, []string) error {
		info, _ := debug.ReadBuildInfo()
		v := viewVersion(info)
		if asJSON {
			return p.printJSON(v)
		}
		_, err := fmt.Fprintln(p.stdout, p.name, v)
		return err
	}
	return cmd
}

// viewVersion reads what the build recorded, if it did.
func viewVersion(info *debug.BuildInfo) versionView {
	v := versionView{Version: "(unknown version)"}
	if info == nil {
		return v
	}
	v.Version, v.Go = info.Main.Version, info.GoVersion
	if v.Version == "" {
		v.Version = "(devel)"
	}
	for _, m := range info.Deps {
		if m.Path == modulePath {
			v.Lgtask = m.Version
		}
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// String writes it as --version does.
func (v versionView) String() string {
	text := v.Version
	if v.Lgtask != "" {
		text += " lgtask " + v.Lgtask
	}
	if v.Revision != "" {
		text += " " + v.Revision
	}
	if v.Modified {
		text += " with changes"
	}
	if v.Go != "" {
		text += " " + v.Go
	}
	return text
}
