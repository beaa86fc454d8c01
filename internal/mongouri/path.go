package mongouri

import (
	"net/url"
	"strings"
)

// Limits of the server: a database name has at most 63 bytes, and database,
// dot and collection together at most 255.
const (
	maxDatabaseBytes  = 63
	maxNamespaceBytes = 255
)

// parsePath reads "database", "database/collection" or either with a slash at
// its end. The text has no leading slash.
func parsePath(text string) (database, collection string, err error) {
	if text == "" {
		return "", "", nil
	}
	rawDB, rawColl, _ := strings.Cut(text, "/")
	if strings.Contains(rawColl, "/") {
		return "", "", refuse("the path has more than two parts",
			"write /database or /database/collection, and %2F for a slash within a collection's name")
	}
	database, err1 := url.PathUnescape(rawDB)
	collection, err2 := url.PathUnescape(rawColl)
	if err1 != nil || err2 != nil {
		return "", "", refuse("the path is not well escaped", "write %25 for a per cent sign")
	}
	if err := checkDatabase(database); err != nil {
		return "", "", err
	}
	if collection != "" {
		if err := checkCollection(database, collection); err != nil {
			return "", "", err
		}
	}
	return database, collection, nil
}

func checkDatabase(name string) error {
	switch {
	case name == "":
		return refuse("the database name is empty", "write /database or /database/collection")
	case len(name) > maxDatabaseBytes:
		return refuse("the database name is longer than 63 bytes", "use a shorter name")
	case strings.Contains(name, "."):
		return refuse("the database name contains a dot", "write a collection after a slash, as in /database/collection")
	case strings.ContainsAny(name, "/\\ \"$*<>:|?\x00") || hasControl(name):
		return refuse("the database name contains a character MongoDB does not allow",
			`leave out / \ . " $ * < > : | ? and spaces`)
	}
	return nil
}

func checkCollection(database, name string) error {
	switch {
	case len(database)+1+len(name) > maxNamespaceBytes:
		return refuse("database and collection names are longer than 255 bytes together", "use shorter names")
	case strings.ContainsAny(name, "$\x00"):
		return refuse("the collection name contains $ or a zero byte", "use a name without them")
	case strings.HasPrefix(name, ".") || strings.HasSuffix(name, "."):
		return refuse("the collection name begins or ends with a dot", "use a name without it")
	}
	return nil
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f })
}
