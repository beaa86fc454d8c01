package kwargs

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// fieldTag is what the bson, json and lgtask tags of a field say together.
type fieldTag struct {
	name                              string
	skip, inline, omitEmpty, required bool
}

func (t fieldTag) nameOr(goName string) string {
	if t.name != "" {
		return t.name
	}
	return Name(goName)
}

func parseTag(sf reflect.StructField) (fieldTag, error) {
	var t fieldTag
	text, ok := sf.Tag.Lookup("bson")
	if !ok {
		text = sf.Tag.Get("json")
	}
	if text == "-" {
		t.skip = true
	}
	name, flags, _ := strings.Cut(text, ",")
	if strings.ContainsRune(name, 0) {
		return t, errors.New("the name in its tag contains a NUL")
	}
	t.name = name
	for flag := range strings.SplitSeq(flags, ",") {
		switch flag {
		case "inline":
			t.inline = true
		case "omitempty", "omitzero":
			t.omitEmpty = true
		}
	}
	for flag := range strings.SplitSeq(sf.Tag.Get("lgtask"), ",") {
		switch strings.TrimSpace(flag) {
		case "":
		case "-":
			t.skip = true
		case "required":
			t.required = true
		default:
			return t, fmt.Errorf("the tag lgtask:%q is not known (known: required, -)", flag)
		}
	}
	return t, nil
}
