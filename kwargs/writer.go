package kwargs

import (
	"bytes"
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// maxKept is the size in bytes from which a writer's buffers are not kept.
const maxKept = 64 << 10

// writer makes one document: the leaves of a class itself, all else by the
// driver's codec. Writers are reused, since the driver's need a lot of memory.
type writer struct {
	binder *Binder
	doc    []byte

	driver *bson.Encoder // writes to out
	out    bytes.Buffer
	single element
}

// element is a document with one key, for the driver to write.
type element struct {
	key   string
	value reflect.Value
}

func newWriter(b *Binder, registry *bson.Registry) *writer {
	w := &writer{binder: b}
	w.driver = bson.NewEncoder(bson.NewDocumentWriter(&w.out))
	w.driver.SetRegistry(registry)
	return w
}

// putBack lets the writer be used again. After an error or a panic it must not
// be, since the driver's writer has half a document in it then.
func (w *writer) putBack() {
	if cap(w.doc) > maxKept || w.out.Cap() > maxKept {
		return
	}
	w.single = element{}
	w.binder.writers.Put(w)
}

// document writes v, which is valid until the writer is put back.
func (w *writer) document(v reflect.Value) ([]byte, error) {
	if !w.binder.hasPlan(v.Type()) {
		return w.byDriver(v.Interface())
	}
	p, err := w.binder.plan(v.Type())
	if err != nil {
		return nil, err
	}
	if v.CanAddr() && !p.isDirect() {
		v = reflect.ValueOf(v.Interface()) // methods of pointers do not count, as in a struct passed by value
	}
	at, doc := bsoncore.AppendDocumentStart(w.doc[:0])
	w.doc = doc
	if err := w.fields(p, v); err != nil {
		return nil, err
	}
	w.doc, err = bsoncore.AppendDocumentEnd(w.doc, at)
	return w.doc, err
}

func (w *writer) fields(p *plan, v reflect.Value) error {
	for i := range p.class.Fields {
		f := &p.class.Fields[i]
		fv, ok := fieldAt(v, f.index)
		if !ok || f.OmitEmpty && isEmpty(fv) {
			continue
		}
		if l := p.leaves[i]; l != nil {
			w.doc = l.write(w.doc, f.Name, fv)
		} else if err := w.element(f.Name, fv); err != nil {
			return err
		}
	}
	if p.class.Rest == nil {
		return nil
	}
	rest, ok := fieldAt(v, p.class.Rest.index)
	if !ok {
		return nil
	}
	for it := rest.MapRange(); it.Next(); {
		if err := w.element(it.Key().String(), it.Value()); err != nil {
			return err
		}
	}
	return nil
}

// element appends one element that the driver writes.
func (w *writer) element(key string, v reflect.Value) error {
	w.single = element{key, v}
	doc, err := w.byDriver(&w.single)
	if err != nil {
		return err
	}
	w.doc = append(w.doc, doc[4:len(doc)-1]...)
	return nil
}

// byDriver writes a document to out.
func (w *writer) byDriver(v any) ([]byte, error) {
	w.out.Reset()
	err := w.driver.Encode(v)
	return w.out.Bytes(), err
}

// encodeSingle is the registry's encoder of an element.
func encodeSingle(ec bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	e := v.Interface().(*element)
	dw, err := vw.WriteDocument()
	if err != nil {
		return err
	}
	if err := encodeElement(ec, dw, e.key, e.value); err != nil {
		return err
	}
	return dw.WriteDocumentEnd()
}
