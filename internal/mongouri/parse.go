package mongouri

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// maxBytes bounds the length of an address.
const maxBytes = 16 << 10

const (
	scheme    = "mongodb://"
	schemeSRV = "mongodb+srv://"
)

// Is reports whether text begins like a MongoDB address. Parse may still
// refuse it.
func Is(text string) bool {
	return strings.HasPrefix(text, scheme) || strings.HasPrefix(text, schemeSRV)
}

// Parse reads and checks an address without any network access. A mongodb+srv
// name is not looked up. The error is an *Error and contains no secret.
func Parse(text string) (*URI, error) {
	rest, srv, err := cutScheme(text)
	if err != nil {
		return nil, err
	}
	u := &URI{srv: srv, private: &private{}}
	if rest, err = u.parseUser(rest); err != nil {
		return nil, err
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if u.hosts, err = parseHosts(rest[:end], srv); err != nil {
		return nil, err
	}
	path, query, _ := strings.Cut(rest[end:], "?")
	if path == "" && query != "" {
		return nil, refuse("no slash before the options", "write mongodb://host/?option=value")
	}
	if u.database, u.collection, err = parsePath(strings.TrimPrefix(path, "/")); err != nil {
		return nil, err
	}
	if u.options, u.private.values, err = parseOptions(query); err != nil {
		return nil, err
	}
	if err := u.checkTogether(); err != nil {
		return nil, err
	}
	return u, nil
}

// ParseEntry reads an entry of a list of allowed servers: a whole address, or
// host[:port] alone. The error is an *Error and contains no secret.
func ParseEntry(text string) (*URI, error) {
	if strings.Contains(text, "://") {
		return Parse(text)
	}
	return Parse(scheme + text)
}

// cutScheme checks what concerns the text as a whole.
func cutScheme(text string) (rest string, srv bool, err error) {
	switch {
	case text == "":
		return "", false, refuse("it is empty", "write mongodb://host[:port][/database]")
	case len(text) > maxBytes:
		return "", false, refuse("it is longer than 16 KiB", "name fewer hosts and options")
	case isTemplate(text):
		return "", false, refuse("it is the template of the documentation",
			"replace user, password, server and port by yours, and remove the brackets with what you do not need")
	case !utf8.ValidString(text):
		return "", false, refuse("it is not valid UTF-8", "write other bytes as %XX")
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return "", false, refuse("it contains a space, a line break or a control character", "write a space as %20 and remove the others")
	}
	if rest, ok := strings.CutPrefix(text, schemeSRV); ok {
		return rest, true, nil
	}
	if rest, ok := strings.CutPrefix(text, scheme); ok {
		return rest, false, nil
	}
	return "", false, refuse("it does not begin with mongodb:// or mongodb+srv://", "write the scheme in lower case before the host")
}

// isTemplate recognises the notation of the documentation, taken over as it is.
func isTemplate(text string) bool {
	return strings.Contains(text, "[user:password]@") || strings.Contains(text, ":port/") ||
		strings.HasSuffix(text, ":port") || strings.Contains(text, "[/mytaskdb]")
}

// parseUser takes the user and password off the front.
func (u *URI) parseUser(rest string) (string, error) {
	if strings.Count(rest, "@") > 1 {
		return "", refuse("it has more than one @", "write %40 for each @ in a user name, a password or an option")
	}
	info, after, found := strings.Cut(rest, "@")
	if !found {
		return rest, nil
	}
	rawUser, rawPassword, hasPassword := strings.Cut(info, ":")
	if strings.Contains(rawPassword, ":") {
		return "", refuse("the password contains a colon", "write %3A for it")
	}
	if strings.Contains(info, "/") {
		return "", refuse("the user name or the password contains a slash", "write %2F for it")
	}
	user, err1 := url.PathUnescape(rawUser)
	password, err2 := url.PathUnescape(rawPassword)
	if err1 != nil || err2 != nil {
		return "", refuse("the user name or the password is not well escaped", "write %25 for a per cent sign in it")
	}
	if user == "" && password != "" {
		return "", refuse("a password without a user name", "write user:password@, or remove the password")
	}
	if user != "" {
		u.private.user, u.private.password = user, password
		u.private.hasUser, u.private.hasPassword = true, hasPassword
	}
	return after, nil
}

// checkTogether checks what depends on several parts, and lets the driver judge
// the whole, on the text it will get.
func (u *URI) checkTogether() error {
	if err := u.checkDirect(); err != nil {
		return err
	}
	// The driver would look a mongodb+srv name up; its other parts are checked
	// under the plain scheme.
	plain := u
	if u.srv {
		plain = u.WithoutOptions("srvMaxHosts", "srvServiceName")
		plain.srv = false
	}
	_, err := connstring.ParseAndValidate(plain.Driver())
	if err == nil {
		return nil
	}
	return refuse("the driver does not accept it"+u.harmless(err), "correct or remove the options concerned")
}

// checkDirect refuses a direct connection to more than one host.
func (u *URI) checkDirect() error {
	for _, o := range u.options {
		direct := o.spec.name == "directConnection" && o.value == "true" ||
			o.spec.name == "connect" && strings.EqualFold(o.value, "direct")
		switch {
		case direct && u.srv:
			return refuseOption(o.spec.name, "does not go with mongodb+srv", "name the one host with mongodb://, or remove the option")
		case direct && len(u.hosts) > 1:
			return refuseOption(o.spec.name, "asks for one host and the address names several",
				"name one host, or remove the option to use the whole replica set")
		}
	}
	return nil
}

// harmless returns the driver's words if they hold nothing of the address that
// could be a secret, else nothing.
func (u *URI) harmless(err error) string {
	words := err.Error()
	p := u.private
	for _, secret := range append([]string{p.user, p.password, `"`}, p.values...) {
		if secret != "" && strings.Contains(words, secret) {
			return ""
		}
	}
	for _, prefix := range []string{"error parsing uri: ", "error validating uri: "} {
		words = strings.TrimPrefix(words, prefix)
	}
	return " (" + words + ")"
}
