package lgtask

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/tasks"
)

// maxJSONDepth bounds the levels of what is handed to the driver's parser. It is
// twice what kwargs may have, since Extended JSON writes some values as objects.
const maxJSONDepth = 2 * tasks.MaxKwargsDepth

// parseKwargs reads kwargs in relaxed Extended JSON. Nothing, or null, is none.
// What would not arrive as it was written is refused: numbers that fit no type,
// halves of surrogate pairs, bytes that are not UTF-8.
func parseKwargs(text json.RawMessage) (any, error) {
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || string(trimmed) == "null" {
		return nil, nil
	}
	doc, err := parseExtended(text)
	if err != nil {
		return nil, fmt.Errorf("%w: kwargs: %s", ErrInvalidTask, mongouri.Redact(err.Error()))
	}
	raw, err := bson.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("%w: kwargs: %s", ErrInvalidTask, mongouri.Redact(err.Error()))
	}
	return bson.Raw(raw), callError(tasks.CheckKwargs(raw))
}

// progressValue reads a progress in relaxed Extended JSON: any value.
func progressValue(text json.RawMessage) (any, error) {
	if !json.Valid(text) { // or it could end the wrapping
		return nil, fmt.Errorf("%w: progress: it is not JSON", ErrInvalidTask)
	}
	doc, err := parseExtended(fmt.Appendf(nil, `{"v":%s}`, text))
	if err != nil {
		return nil, fmt.Errorf("%w: progress: %s", ErrInvalidTask, mongouri.Redact(err.Error()))
	}
	return doc[0].Value, nil
}

// parseExtended reads a document.
func parseExtended(text []byte) (bson.D, error) {
	if err := checkExtended(text); err != nil {
		return nil, err
	}
	var doc bson.D
	if err := bson.UnmarshalExtJSON(text, false, &doc); err != nil {
		return nil, fmt.Errorf("not Extended JSON: %w", err)
	}
	if hasOldBinary(doc) {
		return nil, errors.New("binary data of subtype 2 does not arrive as it is written: use subtype 0")
	}
	return widen(doc).(bson.D), nil
}

// hasOldBinary looks for binary data of subtype 2, which carries its length a
// second time: the driver drops or adds that.
func hasOldBinary(v any) bool {
	switch v := v.(type) {
	case bson.Binary:
		return v.Subtype == bson.TypeBinaryBinaryOld
	case bson.D:
		return slices.ContainsFunc(v, func(e bson.E) bool { return hasOldBinary(e.Value) })
	case bson.A:
		return slices.ContainsFunc(v, hasOldBinary)
	case bson.CodeWithScope:
		return hasOldBinary(v.Scope)
	}
	return false
}

// widen makes 64 bit integers of those of 32, which the driver's parser makes of
// small numbers. A value's type then does not depend on its size.
func widen(v any) any {
	switch v := v.(type) {
	case int32:
		return int64(v)
	case bson.D:
		for i := range v {
			v[i].Value = widen(v[i].Value)
		}
	case bson.A:
		for i := range v {
			v[i] = widen(v[i])
		}
	}
	return v
}

// checkExtended refuses what the driver's parser would change or choke on.
func checkExtended(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("text must be valid UTF-8")
	}
	if _, err := objectKeys(text); err != nil {
		return err
	}
	if at := loneSurrogate(text); at >= 0 {
		return fmt.Errorf("%s is half of a surrogate pair: write both halves, or the character itself", text[at:at+6])
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for depth := 0; ; {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '}' || token == ']' {
				depth--
			} else if depth++; depth > maxJSONDepth {
				return fmt.Errorf("nested deeper than %d levels", tasks.MaxKwargsDepth)
			}
		case json.Number:
			if err := checkNumber(token.String()); err != nil {
				return err
			}
		}
	}
}

// checkNumber refuses a number that no type holds: the driver would round it.
func checkNumber(text string) error {
	const remedy = `write it as text, or as {"$numberDecimal": "…"}`
	if strings.ContainsAny(text, ".eE") {
		if f, err := strconv.ParseFloat(text, 64); err != nil || math.IsInf(f, 0) {
			return fmt.Errorf("the number %.40s is too large: %s", text, remedy)
		}
		return nil
	}
	if _, err := strconv.ParseInt(text, 10, 64); err != nil {
		return fmt.Errorf("the number %.40s does not fit in 64 bits: %s", text, remedy)
	}
	return nil
}

// loneSurrogate returns where an escape \uD800 to \uDFFF stands in valid JSON
// without its other half, or -1.
func loneSurrogate(text []byte) int {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if text[i+1] != 'u' {
			i++
			continue
		}
		r := escaped(text[i:])
		switch {
		case r < 0xD800 || r > 0xDFFF:
			i += 5
		case r < 0xDC00 && bytes.HasPrefix(text[i+6:], []byte(`\u`)) && escaped(text[i+6:])>>10 == 0xDC00>>10:
			i += 11
		default:
			return i
		}
	}
	return -1
}

// escaped returns the number of an escape \uXXXX.
func escaped(text []byte) uint64 {
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return 0 // valid JSON has four digits there
	}
	return n
}

// objectKeys returns the keys of a JSON object, in order. Text that is not one
// JSON object, and nothing else, is an error.
func objectKeys(text []byte) ([]string, error) {
	if !json.Valid(text) {
		var v json.RawMessage
		return nil, json.Unmarshal(text, &v) // says where
	}
	d := json.NewDecoder(bytes.NewReader(text))
	first, err := d.Token()
	if err != nil {
		return nil, err
	}
	if first != json.Delim('{') {
		return nil, errors.New("it must be an object, {…}")
	}
	var keys []string
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		keys = append(keys, key.(string))
	}
	return keys, nil
}
