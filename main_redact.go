package lgtask

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// redacting masks the secrets in each line of a JSON log: an error of a driver
// or of a handler may quote an address with its password.
type redacting struct{ out io.Writer }

// Write implements io.Writer; zerolog calls it once a line.
func (r redacting) Write(line []byte) (int, error) {
	if _, err := r.out.Write(redactLine(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// redactLine masks the secrets in each text of a JSON line. Each is looked at
// alone: what Redact takes for a password may reach over the end of a quoted
// text, and the line would be JSON no more.
func redactLine(line []byte) []byte {
	out := make([]byte, 0, len(line))
	key := ""
	for i := 0; i < len(line); {
		if line[i] != '"' {
			out = append(out, line[i])
			i++
			continue
		}
		end := literalEnd(line, i)
		literal := line[i:end]
		i = end
		if isKey := end < len(line) && line[end] == ':'; isKey {
			key = string(literal)
			out = append(out, literal...)
			continue
		}
		out = append(out, redactLiteral(key, literal)...)
	}
	return out
}

// literalEnd returns the position behind the quoted text that begins at start.
func literalEnd(line []byte, start int) int {
	for i := start + 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(line)
}

// redactLiteral masks the quoted text of a key, whose quotes are included.
func redactLiteral(key string, literal []byte) []byte {
	if strings.Contains(mongouri.Redact(key+`:"x"`), mongouri.Mask) {
		return []byte(strconv.Quote(mongouri.Mask))
	}
	var text string
	if err := json.Unmarshal(literal, &text); err != nil {
		return []byte(strconv.Quote(mongouri.Mask)) // no JSON: nobody knows what it shows
	}
	masked := mongouri.Redact(text)
	if masked == text {
		return literal
	}
	quoted, err := json.Marshal(masked)
	if err != nil { // a text has no such errors
		return []byte(strconv.Quote(mongouri.Mask))
	}
	return quoted
}
