package kwargs

import (
	"encoding"
	"net/url"
	"reflect"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

func decodeBool(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	switch vr.Type() {
	case bson.TypeBoolean:
		b, err := vr.ReadBoolean()
		v.SetBool(b)
		return err
	case bson.TypeNull:
		v.SetBool(false)
		return vr.ReadNull()
	}
	return wrongType(v.Type(), vr.Type())
}

func decodeString(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	s, err := readText(vr, v.Type())
	if err == nil {
		v.SetString(s)
	}
	return err
}

// readText reads a text; null is the empty one.
func readText(vr bson.ValueReader, want reflect.Type) (string, error) {
	switch vr.Type() {
	case bson.TypeString:
		return vr.ReadString()
	case bson.TypeSymbol:
		return vr.ReadSymbol()
	case bson.TypeNull:
		return "", vr.ReadNull()
	}
	return "", wrongType(want, vr.Type())
}

// decodeTime takes a date, and a text in the form of RFC 3339.
func decodeTime(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	switch vr.Type() {
	case bson.TypeDateTime:
		ms, err := vr.ReadDateTime()
		v.Set(reflect.ValueOf(bson.DateTime(ms).Time().UTC()))
		return err
	case bson.TypeString:
		s, err := vr.ReadString()
		if err != nil {
			return err
		}
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return &mismatch{want: "time.Time", got: "string", reason: "the text is no date in the form of RFC 3339"}
		}
		v.Set(reflect.ValueOf(at.UTC()))
		return nil
	case bson.TypeNull:
		v.SetZero()
		return vr.ReadNull()
	}
	return wrongType(v.Type(), vr.Type())
}

// decodeDuration takes nanoseconds, and a text in Go's form ("1m30s").
func decodeDuration(dc bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	if vr.Type() != bson.TypeString {
		return decodeInt(dc, vr, v)
	}
	s, err := vr.ReadString()
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return &mismatch{want: "time.Duration", got: "string", reason: `the text is no duration like "1m30s"`}
	}
	v.SetInt(int64(d))
	return nil
}

// decodeURL is there because the errors of net/url quote the text.
func decodeURL(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	s, err := readText(vr, v.Type())
	if err != nil {
		return err
	}
	u, err := url.Parse(s)
	if err != nil {
		return &mismatch{want: "url.URL", got: "string", reason: "the text is no URL"}
	}
	v.Set(reflect.ValueOf(*u))
	return nil
}

// decodeTextStruct fills a struct that travels as text.
func decodeTextStruct(vr bson.ValueReader, v reflect.Value) error {
	got := typeName(vr.Type())
	s, err := readText(vr, v.Type())
	if err != nil {
		return err
	}
	if s == "" {
		v.SetZero()
		return nil
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
		return &mismatch{want: v.Type().String(), got: got, reason: "its text form is wrong"}
	}
	return nil
}

// encodeTextStruct writes such a struct; its zero value is the empty text.
func encodeTextStruct(vw bson.ValueWriter, v reflect.Value) error {
	if v.IsZero() {
		return vw.WriteString("")
	}
	if !v.CanAddr() {
		at := reflect.New(v.Type()).Elem()
		at.Set(v)
		v = at
	}
	text, err := v.Addr().Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return err
	}
	return vw.WriteString(string(text))
}

// uuidArray lets a [16]byte, as UUID libraries have it, also take the two
// binary subtypes that mean UUID; everything else is the driver's.
func uuidArray(driver bson.ValueDecoder) bson.ValueDecoderFunc {
	return func(dc bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
		if v.Type().Elem().Kind() != reflect.Uint8 || vr.Type() != bson.TypeBinary {
			return driver.DecodeValue(dc, vr, v)
		}
		data, subtype, err := vr.ReadBinary()
		if err != nil {
			return err
		}
		uuid := v.Len() == 16 && subtype == bson.TypeBinaryUUID
		if !uuid && subtype != bson.TypeBinaryGeneric && subtype != bson.TypeBinaryBinaryOld {
			return &mismatch{want: v.Type().String(), got: "binary", reason: "its binary subtype is another one"}
		}
		if len(data) != v.Len() {
			return &mismatch{want: v.Type().String(), got: "binary", reason: "it has another length"}
		}
		reflect.Copy(v, reflect.ValueOf(data))
		return nil
	}
}
