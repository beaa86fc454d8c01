package mongouri

import (
	"net/url"
	"slices"
	"strings"
)

// String returns the address without anything of the credentials: no user, no
// password, no option that says who we are. It is safe for logs and documents
// and Parse accepts it.
func (u *URI) String() string {
	return u.write(false)
}

// GoString is String, so that %#v shows no secret either.
func (u *URI) GoString() string {
	return u.String()
}

// MarshalText is String as bytes, for JSON and logs.
func (u *URI) MarshalText() ([]byte, error) {
	return []byte(u.String()), nil
}

// Driver returns the address for the driver, secrets included and without the
// collection. Show it to nobody.
func (u *URI) Driver() string {
	return u.write(true)
}

func (u *URI) write(forDriver bool) string {
	var b strings.Builder
	b.WriteString(scheme)
	if u.srv {
		b.Reset()
		b.WriteString(schemeSRV)
	}
	if p := u.private; forDriver && p.hasUser {
		b.WriteString(escape(p.user))
		if p.hasPassword {
			b.WriteString(":" + escape(p.password))
		}
		b.WriteString("@")
	}
	for i, h := range u.hosts {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(h.escaped())
	}
	b.WriteString("/" + escape(u.database))
	if u.collection != "" && !forDriver {
		b.WriteString("/" + escape(u.collection))
	}
	separator := "?"
	for _, o := range u.options {
		if !forDriver && (o.spec.auth || o.spec.secret) {
			continue
		}
		value := o.value
		if o.spec.secret {
			value = u.private.values[o.index]
		}
		b.WriteString(separator + o.spec.name + "=" + escape(value))
		separator = "&"
	}
	return b.String()
}

// escape escapes everything but letters, digits and -_.~, which both kinds of
// unescaping the driver uses read back.
func escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// WithCredentialsOf returns a copy that connects as other does: its user,
// password and authentication options replace this address's own, and so do its
// TLS options, since an address from a document must not decide how well the
// credentials of the configuration are protected. An other without TLS leaves
// this address's tls=true.
//
// It does not check that the hosts agree: that is the caller's decision.
func (u *URI) WithCredentialsOf(other *URI) *URI {
	from := other.clone()
	from.keepAuthSource()
	c := u.clone()
	wantsTLS := c.usesTLS()
	c.options = slices.DeleteFunc(c.options, func(o option) bool { return o.spec.auth || o.spec.tls })
	c.private = from.private
	for _, o := range from.options {
		if o.spec.auth || o.spec.tls {
			c.options = append(c.options, o)
		}
	}
	if (wantsTLS || other.usesTLS()) && !c.usesTLS() {
		c.setOption("tls", "true")
	}
	return c
}

// keepAuthSource writes down the database that checks the password where it was
// only implied by the path, so that another path does not change it.
func (u *URI) keepAuthSource() {
	if !u.private.hasUser || u.database == "" {
		return
	}
	for _, o := range u.options {
		// The other mechanisms imply $external, whatever the path says.
		mechanism := o.spec.name == "authMechanism" && !strings.HasPrefix(strings.ToUpper(o.value), "SCRAM-")
		if o.spec.name == "authSource" || mechanism && !strings.EqualFold(o.value, "PLAIN") {
			return
		}
	}
	u.setOption("authSource", u.database)
}

// usesTLS reports whether the driver would use TLS.
func (u *URI) usesTLS() bool {
	on := u.srv
	for _, o := range u.options {
		switch {
		case o.spec.name == "tls" || o.spec.name == "ssl":
			return o.value == "true"
		case o.spec.tls && o.spec.kind == textKind && !o.spec.secret:
			on = true
		}
	}
	return on
}

func (u *URI) setOption(name, value string) {
	u.options = slices.DeleteFunc(u.options, func(o option) bool { return o.spec.name == name || name == "tls" && o.spec.name == "ssl" })
	u.options = append(u.options, option{spec: specs[strings.ToLower(name)], value: value})
}
