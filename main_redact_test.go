package lgtask

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask/internal/mongouri"
)

func TestRedactLine(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{`{"level":"info","n":1,"message":"hello"}`, `{"level":"info","n":1,"message":"hello"}`},
		{`{"a":"mongodb://u:hunter2@h/d","b":"x@y"}`, `{"a":"mongodb://xxxxx@h/d","b":"x@y"}`},
		{`{"a":"mongodb://u:hunter2","b":1}`, `{"a":"mongodb://u:xxxxx","b":1}`},
		{`{"a":["mongodb://h/d"],"b":"x@y"}`, `{"a":["mongodb://h/d"],"b":"x@y"}`},
		{`{"a":"say \"mongodb://u:hun\\ter2@h\""}`, `{"a":"say \"mongodb://xxxxx@h\""}`},
		{`{"password":"hunter2","passwords":["hunter2","hunter2"],"c":"d"}`, `{"password":"xxxxx","passwords":["xxxxx","xxxxx"],"c":"d"}`},
		{`{"reply":"{\"pwd\":\"hunter2\"}"}`, `{"reply":"{\"pwd\":\"xxxxx\"}"}`},
		{`{"broken":"hunter2\q"}`, `{"broken":"xxxxx"}`},
		{`{"open":"hunter2`, `{"open":"xxxxx"`},
		{`{"open":"hunter2\`, `{"open":"xxxxx"`},
		{``, ``},
	} {
		if got := string(redactLine([]byte(tt.line))); got != tt.want {
			t.Errorf("%s became %s, want %s", tt.line, got, tt.want)
		}
	}
}

func TestRedactingLogIsJSON(t *testing.T) {
	var out bytes.Buffer
	log := zerolog.New(redacting{&out})
	log.Error().Err(errors.New("cannot parse \"mongodb://u:hunter2@h\nx\"\x00\xff")).Strs("list", []string{"mongodb://u:hunter2", "<b>"}).Msg("é\u2028")
	var line struct {
		Error, Message string
		List           []string
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Message != "é\u2028" || line.List[1] != "<b>" {
		t.Errorf("%v: %s", err, out.String())
	}
	if strings.Contains(out.String(), "hunter2") || !strings.HasSuffix(out.String(), "}\n") {
		t.Errorf("%q", out.String())
	}
}

// FuzzRedactLine wants every line that is JSON to stay JSON, without what Redact
// finds in its texts.
func FuzzRedactLine(f *testing.F) {
	for _, text := range []string{"hello", "mongodb://u:hunter2@h/d", `"pwd":"x"`, `mongodb://u:"`, "password=x y", "\u2028\\"} {
		f.Add("key", text)
		f.Add("password", text)
	}
	f.Fuzz(func(t *testing.T, key, text string) {
		line, err := json.Marshal(map[string]any{key: []any{text, 1.5, nil}, "b": text})
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(redactLine(line), &got); err != nil {
			t.Fatalf("%s became %s", line, redactLine(line))
		}
		if shown, ok := got["b"].(string); ok && mongouri.Redact(shown) != shown {
			t.Errorf("%q is still shown", shown)
		}
	})
}
