package kwargs

import (
	"reflect"
	"slices"
)

// plan is how a Binder writes and reads the fields of one class. It is the
// Binder's and not the class's, since a binding can stand for any named type.
type plan struct {
	class  *Class
	leaves []*leaf // one a field; nil: the driver's codec does it
}

// plan gives the plan of a struct type, and the error of Fields.
func (b *Binder) plan(t reflect.Type) (*plan, error) {
	if p, ok := b.plans.Load(t); ok {
		return p.(*plan), nil
	}
	class, err := Fields(t)
	if err != nil {
		return nil, err
	}
	p := &plan{class: class, leaves: make([]*leaf, len(class.Fields))}
	for i, f := range class.Fields {
		p.leaves[i] = b.bindings.leafOf(f.Type)
	}
	kept, _ := b.plans.LoadOrStore(t, p)
	return kept.(*plan), nil
}

// isDirect reports whether the driver writes none of the fields.
func (p *plan) isDirect() bool {
	return !slices.Contains(p.leaves, nil)
}

// hasPlan reports whether documents of t are written field by field. Others are
// maps, types with an encoding of their own, and types of bindings and of the driver.
func (b *Binder) hasPlan(t reflect.Type) bool {
	_, bound := b.bindings.texts[t]
	return t.Kind() == reflect.Struct && !bound && !traitsOf(t).encodesItself && t.PkgPath() != bsonPackage
}
