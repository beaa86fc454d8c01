package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/lgtask/lgtask/internal/tasksocket"
)

// kwargsHelp explains the arguments to who enqueues.
const kwargsHelp = `A kwarg is KEY=VALUE. The value is JSON if it is valid JSON, else text:

  copies=2            the number 2
  to=bob              the text bob
  'zip="01234"'       the text 01234, which would be text without quotes too;
  'code="5"'          the text 5: in JSON quotes, since 5 alone is a number
  ok=true none=null   a truth value, and none
  'ids=[1,2]'         an array
  empty=              the empty text
  'at={"$date": "2026-03-29T02:30:00Z"}'   a date, in Extended JSON

Numbers without a point are 64 bit integers. --kwargs takes a whole document in
JSON, and - for standard input; KEY=VALUE goes before what it has.`

// member is one kwarg.
type member struct {
	key     string
	literal json.RawMessage // the key as JSON
	value   json.RawMessage
}

// kwargsDocument builds the document from that of --kwargs, which may be empty,
// and the KEY=VALUE arguments, which go before it. It returns nil if there is
// neither. Whether values are Extended JSON is not looked at.
func kwargsDocument(whole []byte, pairs []string) (json.RawMessage, error) {
	var members []member
	if len(whole) > 0 {
		var err error
		if members, err = parseDocument(whole); err != nil {
			return nil, err
		}
	} else if len(pairs) == 0 {
		return nil, nil
	}
	given := map[string]bool{}
	for _, pair := range pairs {
		m, err := parsePair(pair)
		if err != nil {
			return nil, err
		}
		if given[m.key] {
			return nil, &usageError{"the kwarg " + quote(m.key) + " is given twice", "keep one of them; several values go into an array, as in 'KEY=[1,2]'"}
		}
		given[m.key] = true
		members = put(members, m)
	}
	return join(members), nil
}

// put replaces the member of that key, or adds it.
func put(members []member, m member) []member {
	for i := range members {
		if members[i].key == m.key {
			members[i] = m
			return members
		}
	}
	return append(members, m)
}

// parsePair reads KEY=VALUE.
func parsePair(pair string) (member, error) {
	key, value, found := strings.Cut(pair, "=")
	switch {
	case !found:
		return member{}, &usageError{quote(pair) + " is no kwarg", "write KEY=VALUE; a text with spaces in it needs quotes around it all"}
	case key == "":
		return member{}, &usageError{quote(pair) + " has no key", "write KEY=VALUE"}
	case !utf8.ValidString(pair):
		return member{}, &usageError{quote(pair) + " is not UTF-8", "pass other bytes as {\"$binary\": {\"base64\": \"…\", \"subType\": \"00\"}}"}
	}
	literal, err := json.Marshal(key)
	if err != nil {
		return member{}, err
	}
	raw, err := parseValue(value)
	return member{key, literal, raw}, err
}

// parseValue returns text as JSON: itself if it is, else as a JSON text.
func parseValue(text string) (json.RawMessage, error) {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text), nil
	}
	return json.Marshal(text)
}

// parseDocument reads the document of --kwargs, keeping the order.
func parseDocument(whole []byte) ([]member, error) {
	const remedy = `give a JSON object, such as '{"to": "bob"}'`
	bad := func(err error) ([]member, error) {
		return nil, &usageError{"--kwargs is not JSON: " + err.Error(), remedy}
	}
	if len(bytes.TrimSpace(whole)) == 0 {
		return nil, &usageError{"--kwargs is empty", remedy}
	}
	var checked json.RawMessage
	if err := json.Unmarshal(whole, &checked); err != nil {
		return bad(err)
	}
	d := json.NewDecoder(bytes.NewReader(whole))
	first, err := d.Token()
	if err != nil {
		return bad(err)
	}
	if first != json.Delim('{') {
		return nil, &usageError{"--kwargs is no JSON object", remedy}
	}
	var members []member
	seen := map[string]bool{}
	for d.More() {
		from := d.InputOffset()
		token, err := d.Token()
		if err != nil {
			return bad(err)
		}
		// The key stays as it is written, so that what is wrong with it is not
		// lost in reading. Valid JSON has nothing but a text here.
		m := member{key: token.(string), literal: bytes.TrimLeft(whole[from:d.InputOffset()], ", \t\r\n")}
		if err := d.Decode(&m.value); err != nil {
			return bad(err)
		}
		if seen[m.key] {
			return nil, &usageError{"--kwargs has the key " + quote(m.key) + " twice", "keep one of them"}
		}
		seen[m.key] = true
		members = append(members, m)
	}
	return members, nil
}

func join(members []member) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(m.literal)
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// readAll reads standard input up to what a request may hold.
func readAll(in io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, tasksocket.MaxBody+1))
	switch {
	case err != nil:
		return nil, &usageError{"standard input cannot be read: " + err.Error(), "give the document as --kwargs JSON"}
	case len(data) > tasksocket.MaxBody:
		return nil, &usageError{fmt.Sprintf("standard input is larger than %d bytes", tasksocket.MaxBody), "store large data elsewhere and pass where it is"}
	}
	return data, nil
}
