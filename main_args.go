package lgtask

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// arguments are the command line.
type arguments struct {
	help, version bool
	health        bool    // only say whether the processors run
	replace       bool    // stop who has the names first
	config        *string // nil: everything comes from the environment
	count         int     // 0: not given
}

// usageError says what is wrong with the command line.
type usageError struct{ problem, remedy string }

func (e *usageError) Error() string { return e.problem + ": " + e.remedy }

// parseArguments reads [CONFIG [COUNT]] or one of the options. Behind "--" all is
// taken literally.
func parseArguments(args []string) (a arguments, err error) {
	var plain []string
	for i, arg := range args {
		if arg == "--" {
			plain = append(plain, args[i+1:]...)
			break
		}
		switch {
		case arg == "-h" || arg == "-help" || arg == "--help":
			a.help = true
		case arg == "-version" || arg == "--version":
			a.version = true
		case arg == "-health" || arg == "--health":
			a.health = true
		case arg == "-replace" || arg == "--replace":
			a.replace = true
		case strings.HasPrefix(arg, "-") && !isNumber(arg):
			return a, &usageError{fmt.Sprintf("there is no option %s", quoteArgument(arg)), "see --help"}
		default:
			plain = append(plain, arg)
		}
	}
	if a.help || a.version {
		return a, nil
	}
	if len(plain) > 2 {
		return a, &usageError{fmt.Sprintf("%d arguments given", len(plain)), "give at most CONFIG and COUNT, see --help"}
	}
	if len(plain) == 2 {
		if a.count, err = parseCount(plain[1]); err != nil {
			return a, err
		}
	}
	if len(plain) > 0 {
		a.config = &plain[0]
		err = checkConfigArgument(plain[0])
	}
	return a, err
}

func isNumber(text string) bool {
	_, err := strconv.Atoi(text)
	return err == nil
}

func parseCount(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || checkProcessors(n) != nil {
		return 0, &usageError{fmt.Sprintf("COUNT is %s", quoteArgument(text)),
			fmt.Sprintf("give the number of processors, from 1 to %d", maxProcessors)}
	}
	return n, nil
}

// checkConfigArgument refuses what was meant to be something else. Arguments can
// be seen by everybody on the host, so an address is not taken there.
func checkConfigArgument(text string) error {
	switch {
	case mongouri.Is(text) || withCredentials.MatchString(text):
		return &usageError{"CONFIG is the path of a file, not an address", "write the address into it as taskDatabase, or set LGTASK_DATABASE"}
	case text == "":
		return &usageError{"CONFIG is empty", "give the path of a file, or no argument to take everything from the environment"}
	}
	return nil
}

// withCredentials matches user:password@host, an address without its scheme.
var withCredentials = regexp.MustCompile(`^[^/]*:.*@`)

// quoteArgument shows an argument, shortened and without secrets.
func quoteArgument(text string) string {
	text = withCredentials.ReplaceAllString(mongouri.Redact(text), mongouri.Mask+"@")
	if len(text) > maxShownValue {
		text = strings.ToValidUTF8(text[:maxShownValue], "") + "…"
	}
	return strconv.Quote(text)
}

// configure reads the configuration. COUNT goes before the environment, which
// goes before the file.
func (a arguments) configure(l configLoader, change func(*Config)) (cfg Config, err error) {
	if a.config == nil {
		cfg, err = l.fromEnv()
	} else {
		cfg, err = l.load(*a.config)
	}
	if err != nil {
		return Config{}, err
	}
	if a.count > 0 {
		cfg.Processors = a.count
	}
	if change != nil {
		change(&cfg)
	}
	return cfg, cfg.Validate()
}
