package executable

import (
	"strings"
	"testing"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// FuzzRedact shows that the look before mongouri.Redact misses nothing.
func FuzzRedact(f *testing.F) {
	for _, seed := range []string{
		"", "2024-01-01 12:00:00 INFO 17 of 20 passed", "mongodb://u:p@h/db", `{"uri":"mongodb:\/\/u:p@h"}`, "MONGODB+SRV://u:p@h",
		"DB_PASSWORD=x", "passwd=x", "Passphrase=x", "pwd='a b'", "client_secret=x", "api_key=x", "ApiKey=x", "authMechanismProperties=A:b",
		`"user_token" : "x"`, "AWS_SESSION_TOKEN:x", `error parsing uri: "x"`, `error validating URI: "x"`, `invalid URL escape "%zz"`,
		`net/url: invalid userinfo "x"`, `invalid port ":x" after host`, "pa\u017F\u017Fword=x", "to\u212Aen=x", "a:\u2215/u:p@h",
	} {
		f.Add(seed)
		f.Add(strings.ToUpper(seed))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := redact(text), mongouri.Redact(text); got != want {
			t.Errorf("redact(%q) = %q, want %q", text, got, want)
		}
	})
}
