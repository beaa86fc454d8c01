package tasks

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

func TestShorten(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain", "plain"},
		{"mongodb://host/db", "mongodb://host/db"},
		{"at mongodb://user:pass@host/db", "at mongodb://xxxxx@host/db"},
		{"MongoDB+SRV://u:p@ss@host", "MongoDB+SRV://xxxxx@host"},
		{"a@b mongodb://h/d c@d", "a@b mongodb://h/d c@d"},
		{strings.Repeat("é", 60), strings.Repeat("é", 40) + "…"},
	} {
		if got := shorten(c.in); got != c.want {
			t.Errorf("shorten(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// The kwargs that a conflict shows may hold an address with a password.
func TestConflictShowsNoPassword(t *testing.T) {
	have, err := bson.Marshal(bson.D{{Key: "db", Value: "mongodb://u:sekret1@h/d"}})
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := bson.Marshal(bson.D{{Key: "db", Value: "mongodb://u:sekret2@h/d"}, {Key: "n", Value: 1}})
	if err != nil {
		t.Fatal(err)
	}
	conflict := (&KwargsConflictError{Key: "A/", Have: have, Wanted: wanted}).Error()
	sc := Schedule{Key: "A/", Kwargs: have}
	exists := sc.diff(&Schedule{Key: "A/", Kwargs: wanted}).Error()
	for _, text := range []string{conflict, exists} {
		if strings.Contains(text, "sekret") || !strings.Contains(text, "mongodb://xxxxx@h/d") {
			t.Error(text)
		}
	}
}
