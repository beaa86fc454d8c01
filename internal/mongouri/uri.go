package mongouri

import (
	"net/url"
	"slices"
	"strings"
)

// URI is a parsed and checked address. It is immutable and safe for concurrent
// use. Use it as a pointer; the zero value is of no use.
type URI struct {
	srv        bool
	hosts      []host // as written, without repetitions
	database   string
	collection string
	options    []option // as written, names in canonical form

	// private is behind a pointer so that no fmt verb prints what it holds.
	private *private
}

// private holds what must not be printed.
type private struct {
	user, password string
	hasUser        bool
	hasPassword    bool     // "user:@" has an empty password, "user@" has none
	values         []string // of the options that are secret, by option.secret
}

// Hosts returns each host once as "name:port", in lower case, the port always
// present, sorted. IPv6 addresses are in brackets and in their shortest form; a
// unix socket is its path. A mongodb+srv address returns its one name without a
// port, since the ports are known only to DNS.
func (u *URI) Hosts() []string {
	out := make([]string, 0, len(u.hosts))
	for _, h := range u.hosts {
		out = append(out, h.canonical())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// SRV reports whether the hosts come from DNS (mongodb+srv).
func (u *URI) SRV() bool { return u.srv }

// Database returns the database named in the path, empty if there is none.
func (u *URI) Database() string { return u.database }

// HasDatabase reports whether the path names a database.
func (u *URI) HasDatabase() bool { return u.database != "" }

// Collection returns the collection named in the path, empty if there is none.
func (u *URI) Collection() string { return u.collection }

// HasCollection reports whether the path names a collection.
func (u *URI) HasCollection() bool { return u.collection != "" }

// User returns the user name and password of the address, unescaped. ok is
// false if it has no user; "mongodb://@server" has none.
func (u *URI) User() (name, password string, ok bool) {
	return u.private.user, u.private.password, u.private.hasUser
}

// Options returns the options under the names of the MongoDB documentation
// ("replicaSet", however it was written). The value of an option that carries a
// secret is replaced by Mask. The caller owns the result.
func (u *URI) Options() url.Values {
	out := make(url.Values, len(u.options))
	for _, o := range u.options {
		value := o.value
		if o.spec.secret {
			value = Mask
		}
		out.Add(o.spec.name, value)
	}
	return out
}

// WithDatabase returns a copy that names this database and no collection. An
// empty name takes the path away. It returns an *Error if the name is not valid.
func (u *URI) WithDatabase(name string) (*URI, error) {
	if name != "" {
		if err := checkDatabase(name); err != nil {
			return nil, err
		}
	}
	c := u.clone()
	c.keepAuthSource()
	c.database, c.collection = name, ""
	return c, nil
}

// WithoutOptions returns a copy without the named options, whatever their case.
func (u *URI) WithoutOptions(names ...string) *URI {
	c := u.clone()
	c.options = slices.DeleteFunc(c.options, func(o option) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, o.spec.name) })
	})
	return c
}

// ForTasks returns a copy for the task database: without the options that
// weaken its reads and writes or cut its calls short (Overridden lists them).
// Each of lgtask's calls brings its own concerns, read preference and deadline.
func (u *URI) ForTasks() *URI {
	return u.WithoutOptions(u.Overridden()...)
}

// Overridden returns the names of the options of this address that ForTasks
// drops, sorted, for a line in the log.
func (u *URI) Overridden() []string {
	var out []string
	for _, o := range u.options {
		if o.spec.overridden {
			out = append(out, o.spec.name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (u *URI) clone() *URI {
	c := *u
	c.options = slices.Clone(u.options)
	p := *u.private
	p.values = slices.Clone(u.private.values)
	c.private = &p
	return &c
}
