package kwargs

import (
	"fmt"
	"reflect"
	"sync"
)

// Field is one kwarg of a class.
type Field struct {
	Name      string       // the kwarg
	GoName    string       // the Go field, with the embedded structs it lies in
	Type      reflect.Type // the Go type
	Required  bool         // Decode refuses documents without it, or with null
	OmitEmpty bool         // Encode leaves it out when it is empty
	index     []int
}

// Class describes the kwargs of one struct type.
type Class struct {
	Type   reflect.Type
	Fields []Field // in the order of the declaration
	// Rest is the inline map that takes the kwargs without a field of their
	// own; nil if the struct has none.
	Rest *Field

	byName map[string]int
}

// Field finds a kwarg by its name.
func (c *Class) Field(name string) (Field, bool) {
	i, ok := c.byName[name]
	if !ok {
		return Field{}, false
	}
	return c.Fields[i], true
}

// Names lists the kwargs in the order of the declaration.
func (c *Class) Names() []string {
	names := make([]string, len(c.Fields))
	for i, f := range c.Fields {
		names[i] = f.Name
	}
	return names
}

type described struct {
	class *Class
	err   error
}

var classes sync.Map // reflect.Type → described

// Fields describes the kwargs of a struct type, or of a pointer to one. The
// answer is cached and must not be changed. It returns a *ClassError if t is no
// struct, if two fields have one name, or if a tag is not understood.
func Fields(t reflect.Type) (*Class, error) {
	if t == nil {
		return nil, &ClassError{Type: "nil", Reason: "a task class is a struct"}
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if d, ok := classes.Load(t); ok {
		return d.(described).class, d.(described).err
	}
	c, err := describe(t)
	d, _ := classes.LoadOrStore(t, described{c, err})
	return d.(described).class, d.(described).err
}

func describe(t reflect.Type) (*Class, error) {
	if t.Kind() != reflect.Struct {
		return nil, &ClassError{Type: t.String(), Reason: "a task class is a struct"}
	}
	c := &Class{Type: t, byName: map[string]int{}}
	w := classWalk{class: c, path: map[reflect.Type]bool{}, clashes: map[string]*ClassError{}}
	if err := w.walk(t, nil, ""); err != nil {
		return nil, err
	}
	for _, name := range c.Names() {
		if clash := w.clashes[name]; clash != nil {
			return nil, clash
		}
	}
	return c, nil
}

// classWalk collects the fields of a struct and of those embedded in it.
type classWalk struct {
	class   *Class
	path    map[reflect.Type]bool // the embedded types that lead here
	clashes map[string]*ClassError
}

func (w *classWalk) walk(t reflect.Type, index []int, prefix string) error {
	if w.path[t] {
		return nil // embeds itself: deeper copies are hidden by the first one
	}
	w.path[t] = true
	defer delete(w.path, t)
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, err := parseTag(sf)
		if err != nil {
			return &ClassError{Type: w.class.Type.String(), Field: prefix + sf.Name, Reason: err.Error()}
		}
		at := append(append([]int(nil), index...), i)
		if err := w.field(sf, tag, at, prefix); err != nil {
			return err
		}
	}
	return nil
}

func (w *classWalk) field(sf reflect.StructField, tag fieldTag, at []int, prefix string) error {
	refuse := func(reason string) error {
		return &ClassError{Type: w.class.Type.String(), Field: prefix + sf.Name, Reason: reason}
	}
	if tag.skip || sf.Anonymous && isHelper(sf.Type) {
		return nil
	}
	inner := sf.Type
	if inner.Kind() == reflect.Pointer {
		inner = inner.Elem()
	}
	if tag.inline || sf.Anonymous && tag.name == "" && isPlainStruct(inner) {
		switch {
		case inner.Kind() == reflect.Struct && !sf.IsExported() && sf.Type.Kind() == reflect.Pointer:
			return refuse("an embedded pointer to an unexported struct cannot be filled: embed the struct itself")
		case inner.Kind() == reflect.Struct && (sf.Anonymous || sf.IsExported()):
			return w.walk(inner, at, prefix+sf.Name+".")
		case sf.IsExported() && sf.Type.Kind() == reflect.Map && sf.Type.Key().Kind() == reflect.String:
			return w.rest(sf, at, prefix)
		}
		return refuse("inline is for structs, pointers to structs and maps with text keys, all exported")
	}
	if !sf.IsExported() {
		return nil
	}
	if !kindTravels(inner.Kind()) {
		return refuse(fmt.Sprintf("a %s cannot be a kwarg: tag it lgtask:\"-\", or do not export it", sf.Type))
	}
	w.add(Field{
		Name: tag.nameOr(sf.Name), GoName: prefix + sf.Name, Type: sf.Type,
		Required: tag.required, OmitEmpty: tag.omitEmpty, index: at,
	})
	return nil
}

func (w *classWalk) rest(sf reflect.StructField, at []int, prefix string) error {
	if w.class.Rest != nil {
		return &ClassError{Type: w.class.Type.String(), Field: prefix + sf.Name, Reason: "a class has at most one inline map"}
	}
	w.class.Rest = &Field{GoName: prefix + sf.Name, Type: sf.Type, index: at}
	return nil
}

// add keeps the field that is less deeply embedded where two have one name, as
// Go does for selectors; two at one depth are a mistake.
func (w *classWalk) add(f Field) {
	c := w.class
	i, taken := c.byName[f.Name]
	switch {
	case !taken:
		c.byName[f.Name] = len(c.Fields)
		c.Fields = append(c.Fields, f)
	case len(f.index) < len(c.Fields[i].index):
		delete(w.clashes, f.Name)
		c.Fields[i] = f
	case len(f.index) == len(c.Fields[i].index):
		w.clashes[f.Name] = &ClassError{Type: c.Type.String(), Field: f.GoName,
			Reason: fmt.Sprintf("it is the same kwarg %q as field %s: rename one with a bson tag", f.Name, c.Fields[i].GoName)}
	}
}
