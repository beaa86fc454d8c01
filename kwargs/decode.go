package kwargs

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Strict is a class that refuses kwargs it has no field for. The method is
// called on the value that Decode fills, before it does. An inline map takes
// such kwargs first.
type Strict interface {
	StrictKwargs() bool
}

// Decode fills dst, a pointer to a struct, to a map with text keys, to an any
// (which gets a map[string]any), to a bson.D or to a bson.Raw, from the kwargs
// of a task. Fields whose kwarg is missing stay as they are, and null sets the
// zero value.
//
// Texts with the scheme of a binding, mongodb:// by default, become values (see
// the package comment). Those belong to the task: the caller must call release
// when it has ended, and not before. release is never nil, and calling it twice
// is harmless. After an error nothing is held, and dst may be partly filled.
//
// Errors are *FieldError. One that wraps ErrTooManyClients, ErrMembersUnknown or
// the error of ctx says nothing about the task: it can be tried again. ctx bounds
// what the conversions wait for, except for the DNS answers of mongodb+srv.
func (b *Binder) Decode(ctx context.Context, raw bson.Raw, dst any) (release func(), err error) {
	d := b.decoders.Get().(*decoder)
	d.begin(ctx)
	defer func() {
		if p := recover(); p != nil {
			err = &FieldError{Reason: fmt.Sprintf("a decoding method panicked (%T)", p)}
		}
		held := d.end()
		release = func() {}
		switch {
		case len(held) == 0:
			return
		case err != nil:
			releaseAll(held)
			return
		}
		release = sync.OnceFunc(func() { releaseAll(held) })
	}()
	if len(raw) == 0 {
		raw = bson.Raw{5, 0, 0, 0, 0}
	}
	if fault := (scan{max: maxDecodeDepth}).document(raw, 1, false); fault != nil {
		return nil, &FieldError{Field: fault.field(), Reason: fault.reason}
	}
	return nil, d.top(raw, dst)
}

func releaseAll(held []func()) {
	for i := len(held) - 1; i >= 0; i-- {
		held[i]()
	}
}

// decoder is one Decode call; its registry's decoders note in it what they
// opened. Decoders are reused, since a registry is costly to build.
type decoder struct {
	binder   *Binder
	registry *bson.Registry
	ctx      context.Context
	held     []func()
}

func newDecoder(b *Binder) *decoder {
	d := &decoder{binder: b}
	d.registry = newDecodeRegistry(b.bindings.types, d.decodeBound, d.decodeStruct)
	return d
}

func (d *decoder) begin(ctx context.Context) { d.ctx = ctx }

// end gives what was opened and puts the decoder back.
func (d *decoder) end() []func() {
	held := d.held
	d.ctx, d.held = nil, nil
	d.binder.decoders.Put(d)
	return held
}

// decodeStruct is the registry's decoder of structs below the top.
func (d *decoder) decodeStruct(dc bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	if traitsOf(v.Type()).text {
		return decodeTextStruct(vr, v)
	}
	switch vr.Type() {
	case bson.TypeEmbeddedDocument, bson.Type(0):
	case bson.TypeNull:
		v.SetZero()
		return vr.ReadNull()
	default:
		return wrongType(v.Type(), vr.Type())
	}
	dec, err := dc.LookupDecoder(typeRaw)
	if err != nil {
		return err
	}
	var raw bson.Raw
	if err := dec.DecodeValue(dc, vr, reflect.ValueOf(&raw).Elem()); err != nil {
		return err
	}
	return d.fillStruct(raw, v, false)
}

// decodeBound is the registry's decoder of the types of bindings.
func (d *decoder) decodeBound(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	if vr.Type() == bson.TypeNull {
		v.SetZero()
		return vr.ReadNull()
	}
	if vr.Type() != bson.TypeString {
		return wrongType(v.Type(), vr.Type())
	}
	text, err := vr.ReadString()
	if err != nil {
		return err
	}
	scheme, _ := schemeOf(text)
	b, ok := d.binder.bindings.schemes[scheme]
	switch {
	case !ok:
		return &mismatch{want: v.Type().String(), got: "string", reason: "the text is no address that a binding knows"}
	case b.Open == nil:
		return &mismatch{want: v.Type().String(), got: "string", reason: "the conversion of " + scheme + ":// is switched off"}
	}
	return d.open(b, text, v)
}

// open converts a text and puts the value into v.
func (d *decoder) open(b Binding, text string, v reflect.Value) error {
	value, release, err := b.Open(d.ctx, text, v.Type())
	if release != nil {
		d.held = append(d.held, release)
	}
	if err != nil {
		return err
	}
	rv := reflect.ValueOf(value)
	if !rv.IsValid() || !rv.Type().AssignableTo(v.Type()) {
		return &mismatch{want: v.Type().String(), got: fmt.Sprintf("%T", value), reason: "that is what the address stands for"}
	}
	v.Set(rv)
	return nil
}
