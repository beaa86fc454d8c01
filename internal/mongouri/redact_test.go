package mongouri

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

func TestRedact(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"plain text, 5 tasks: ok", "plain text, 5 tasks: ok"},
		{"mongodb://u:p@h/db", "mongodb://xxxxx@h/db"},
		{"mongodb+srv://u:p@h/db", "mongodb+srv://xxxxx@h/db"},
		{"at MONGODB://u:p@h now", "at MONGODB://xxxxx@h now"},
		{"mongodb://u:pa@ss@h", "mongodb://xxxxx@h"},
		{`mongodb://u:pa"ss'x@h`, "mongodb://xxxxx@h"},
		{"mongodb://u:a/b?c#d@h", "mongodb://xxxxx@h"},
		{"mongodb://u:a b@h/db", "mongodb://xxxxx@h/db"},
		{"mongodb://u:p@h and mongodb://v:q@i", "mongodb://xxxxx@h and mongodb://xxxxx@i"},
		{"mongodb://user:secret", "mongodb://user:xxxxx"},
		{"mongodb://user:secret/db next", "mongodb://user:xxxxx next"},
		{"mongodb://a:1,user:secret", "mongodb://a:1,user:xxxxx"},
		{"mongodb://@server", "mongodb://@server"},
		{"mongodb://h:27017/db, mongodb://[::1]:1/.", "mongodb://h:27017/db, mongodb://[::1]:1/."},
		{`parse "mongodb://h:1": no`, `parse "mongodb://h:1": no`},
		{"(see http://example.com/a:b).", "(see http://example.com/a:b)."},
		{"redis://:hunter2@h:6379/0", "redis://xxxxx@h:6379/0"},
		{`{"uri":"mongodb:\/\/u:p@h"}`, `{"uri":"mongodb:\/\/xxxxx@h"}`},
		{"mongodb://h/?tlsCertificateKeyFilePassword=a,b&w=1", "mongodb://h/?tlsCertificateKeyFilePassword=xxxxx&w=1"},
		{"mongodb://h/?authMechanismProperties=AWS_SESSION_TOKEN:abc;w=1", "mongodb://h/?authMechanismProperties=xxxxx;w=1"},
		{"AWS_SESSION_TOKEN:abc", "AWS_SESSION_TOKEN:xxxxx"},
		{`PASSWORD="a b" x`, "PASSWORD=xxxxx x"},
		{"--db-passwd='a b' x", "--db-passwd=xxxxx x"},
		{`{"password": "a\"b", "n": 1}`, `{"password": "xxxxx", "n": 1}`},
		{`error parsing uri: invalid host "u:s": x parsing "s": y`, `error parsing uri: invalid host "xxxxx": x parsing "xxxxx": y`},
		{`strconv.Atoi: parsing "12a": invalid syntax`, `strconv.Atoi: parsing "12a": invalid syntax`},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			if got := Redact(tt.in); got != tt.want {
				t.Errorf("Redact(%q)\n got %q\nwant %q", tt.in, got, tt.want)
			}
		})
	}
}

// What the driver and net/url say about malformed addresses is the worst that
// reaches a log.
func TestRedactParserErrors(t *testing.T) {
	const secret = "hunter2"
	for _, text := range []string{"mongodb://u:hunter2", "mongodb://u:%zhunter2@h", "mongodb://u:pa@hunter2@h", "mongodb://u:hunter2 x@h",
		"mongodb://hunter2%zz", "mongodb://h/hunter2%zz", "mongodb://h/?w=%zhunter2", "mongodb://h/?maxPoolSize=hunter2", "mongodb://u:hunter2/x"} {
		_, err := connstring.Parse(text)
		if err != nil {
			if got := RedactError(err).Error(); strings.Contains(got, secret) {
				t.Errorf("driver: %q", got)
			}
		}
		if strings.Contains(text, "u:") {
			_, err := url.Parse(text)
			if err != nil {
				if got := RedactError(err).Error(); strings.Contains(got, secret) {
					t.Errorf("net/url: %q", got)
				}
			}
		}
	}
}

func TestRedactErrorKeepsCleanCauses(t *testing.T) {
	if RedactError(nil) != nil {
		t.Error("nil became an error")
	}
	plain := fmt.Errorf("connect: %w", context.DeadlineExceeded)
	if got := RedactError(plain); got != plain {
		t.Errorf("a clean error became %v", got)
	}
	secret := &net.OpError{Op: "dial mongodb://u:p@h", Err: errors.Join(context.Canceled, errors.New("password=x"))}
	got := RedactError(fmt.Errorf("at start: %w", secret))
	if text := got.Error(); strings.Contains(text, "u:p") || strings.Contains(text, "password=x\n") || !strings.Contains(text, Mask) {
		t.Errorf("text is %q", text)
	}
	if !errors.Is(got, context.Canceled) {
		t.Error("the clean cause is lost")
	}
	var op *net.OpError
	if errors.As(got, &op) {
		t.Error("the error with the secret can be reached")
	}
	hidden := fmt.Errorf("%w", hiding{errors.New("mongodb://u:p@h")})
	if got := RedactError(hidden); errors.As(got, new(hiding)) {
		t.Error("a cause that wraps a secret can be reached")
	}
}

// hiding does not show its cause.
type hiding struct{ cause error }

func (hiding) Error() string   { return "hidden" }
func (h hiding) Unwrap() error { return h.cause }

func TestRedactIsLinear(t *testing.T) {
	for _, piece := range []string{"a://b:c ", "a://", "password=", `"password":"`, "a://x@", "mongodb://u:p", "@"} {
		text := strings.Repeat(piece, 64<<10/len(piece))
		if got := Redact(text); len(got) > 4*len(text) {
			t.Errorf("%q grew to %d bytes", piece, len(got))
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("error parsing uri: ", "user", "/db", "h")
	f.Add("\"", "us:er", "\"): x", "h1,h2:7")
	f.Add("mongodb://x", "", " mongodb://y@z", "[::1]")
	f.Add("password=", "a", "&x=\"", "h")
	f.Fuzz(func(t *testing.T, before, user, after, host string) {
		const secret = "q7Zx9vK2"
		for _, part := range []string{before, after, host} {
			if strings.Contains(part, secret) {
				return
			}
		}
		inside := url.QueryEscape(user) + ":" + secret
		for _, text := range []string{
			before + "mongodb://" + inside + "@" + host + after,
			before + "mongodb+srv://" + inside + "%20@" + host + after,
			before + fmt.Sprintf("%q", "mongodb://"+inside+"@h") + after,
			before + "&tlsCertificateKeyFilePassword=" + secret + "&" + after,
		} {
			got := Redact(text)
			if strings.Contains(got, secret) {
				t.Fatalf("Redact(%q) = %q", text, got)
			}
			if twice := Redact(got); twice != got {
				t.Fatalf("Redact is not stable: %q, then %q", got, twice)
			}
		}
	})
}
