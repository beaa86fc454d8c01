package executable

import (
	"strings"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// signs are what mongouri.Redact looks at: in a text without any of them, in
// lower case, it finds nothing. The last two are letters that count as s and k
// where case does not.
var signs = []string{
	"://", `:\/\/`, "passw", "passphrase", "pwd", "secret", "token", "apikey", "api_key", "authmechanismproperties",
	"parsing uri:", "validating uri:", "invalid url escape", "invalid userinfo", "invalid port", "\u017F", "\u212A",
}

// redact is mongouri.Redact, which takes milliseconds for a long line, after a
// look that takes microseconds. Most lines of most programs need no more.
func redact(text string) string {
	lower := strings.ToLower(text)
	for _, sign := range signs {
		if strings.Contains(lower, sign) {
			return mongouri.Redact(text)
		}
	}
	return text
}
