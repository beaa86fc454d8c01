package mongouri

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

func hostList(n int) string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("h%d", i))
	}
	return strings.Join(names, ",")
}

func TestParseAccepts(t *testing.T) {
	tests := []struct {
		text       string
		hosts      []string
		db, coll   string
		user, pass string
		driver     string
	}{
		{text: "mongodb://h", hosts: []string{"h:27017"}, driver: "mongodb://h:27017/"},
		{text: "mongodb://h/", hosts: []string{"h:27017"}, driver: "mongodb://h:27017/"},
		{text: "mongodb://h/db", hosts: []string{"h:27017"}, db: "db", driver: "mongodb://h:27017/db"},
		{text: "mongodb://h/db/", hosts: []string{"h:27017"}, db: "db", driver: "mongodb://h:27017/db"},
		{text: "mongodb://h/db/coll", hosts: []string{"h:27017"}, db: "db", coll: "coll", driver: "mongodb://h:27017/db"},
		{text: "mongodb://h/db/a%2Fb.c", hosts: []string{"h:27017"}, db: "db", coll: "a/b.c", driver: "mongodb://h:27017/db"},
		{text: "mongodb://@server", hosts: []string{"server:27017"}, driver: "mongodb://server:27017/"},
		{text: "mongodb://:@server", hosts: []string{"server:27017"}, driver: "mongodb://server:27017/"},
		{text: "mongodb://u@h", hosts: []string{"h:27017"}, user: "u", driver: "mongodb://u@h:27017/"},
		{text: "mongodb://u:@h", hosts: []string{"h:27017"}, user: "u", driver: "mongodb://u:@h:27017/"},
		{text: "mongodb://u:p%40s%2Fs@h/db", hosts: []string{"h:27017"}, db: "db", user: "u", pass: "p@s/s",
			driver: "mongodb://u:p%40s%2Fs@h:27017/db"},
		{text: "mongodb://B:1,a,b:1/?replicaset=rs0", hosts: []string{"a:27017", "b:1"}, driver: "mongodb://b:1,a:27017/?replicaSet=rs0"},
		{text: "mongodb://[::1]", hosts: []string{"[::1]:27017"}, driver: "mongodb://[::1]:27017/"},
		{text: "mongodb://[0:0:0:0:0:0:0:1]:7,[::1]:7", hosts: []string{"[::1]:7"}, driver: "mongodb://[::1]:7/"},
		{text: "mongodb://[fe80::1%25eth0]:7", hosts: []string{"[fe80::1%eth0]:7"}, driver: "mongodb://[fe80::1%25eth0]:7/"},
		{text: "mongodb://h.:65535", hosts: []string{"h:65535"}, driver: "mongodb://h.:65535/"},
		{text: "mongodb://mysock", hosts: []string{"mysock:27017"}, driver: "mongodb://mysock:27017/"},
		{text: "mongodb://%2Ftmp%2FMongo-27017.sock/db", hosts: []string{"/tmp/Mongo-27017.sock"}, db: "db",
			driver: "mongodb://%2Ftmp%2FMongo-27017.sock/db"},
		{text: "mongodb+srv://Cluster0.example.net/db", hosts: []string{"cluster0.example.net"}, db: "db",
			driver: "mongodb+srv://cluster0.example.net/db"},
		{text: "mongodb+srv://c.example.net/?srvMaxHosts=2", hosts: []string{"c.example.net"},
			driver: "mongodb+srv://c.example.net/?srvMaxHosts=2"},
		{text: "mongodb://h/?readPreference=secondary&retryWrites=false;w=1", hosts: []string{"h:27017"},
			driver: "mongodb://h:27017/?readPreference=secondary&retryWrites=false&w=1"},
		{text: "mongodb://h/?readPreferenceTags=dc:ny&readPreferenceTags=", hosts: []string{"h:27017"},
			driver: "mongodb://h:27017/?readPreferenceTags=dc%3Any&readPreferenceTags="},
		{text: "mongodb://h/?directConnection=true", hosts: []string{"h:27017"}, driver: "mongodb://h:27017/?directConnection=true"},
		{text: "mongodb://" + hostList(50), driver: "", hosts: nil},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			u, err := Parse(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if tt.hosts != nil && !slices.Equal(u.Hosts(), tt.hosts) {
				t.Errorf("Hosts() = %q, want %q", u.Hosts(), tt.hosts)
			}
			if u.Database() != tt.db || u.Collection() != tt.coll || u.HasDatabase() != (tt.db != "") || u.HasCollection() != (tt.coll != "") {
				t.Errorf("path = %q/%q, want %q/%q", u.Database(), u.Collection(), tt.db, tt.coll)
			}
			name, pass, ok := u.User()
			if name != tt.user || pass != tt.pass || ok != (tt.user != "") {
				t.Errorf("User() = %q, %q, %v, want %q, %q", name, pass, ok, tt.user, tt.pass)
			}
			if tt.driver != "" && u.Driver() != tt.driver {
				t.Errorf("Driver() = %q, want %q", u.Driver(), tt.driver)
			}
			if u.SRV() != strings.HasPrefix(tt.text, "mongodb+srv") {
				t.Errorf("SRV() = %v", u.SRV())
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ text, part string }{
		{"", "empty"},
		{"mongodb://", "no host"},
		{"mongodb:///db", "no host"},
		{"h/db", "does not begin"},
		{"MONGODB://h", "does not begin"},
		{"http://h", "does not begin"},
		{"mongodb://user:pa@ss@h", "%40"},
		{"mongodb://u:p@h/db?appName=a@b", "%40"},
		{"mongodb://user:secret", "an @ must follow"},
		{"mongodb://user:1secret/db", "an @ must follow"},
		{"mongodb://u:%zz@h", "%25"},
		{"mongodb://u:a:b@h", "%3A"},
		{"mongodb://u:a/b@h", "%2F"},
		{"mongodb://:secret@h", "without a user name"},
		{"mongodb://u:a b@h", "%20"},
		{"mongodb://h\n", "line break"},
		{"mongodb://h/\x00", "control character"},
		{"mongodb://h/\xff", "UTF-8"},
		{"mongodb://[user:password]@server:port[/mytaskdb]", "template"},
		{"mongodb://user:password@server:port/mytaskdb", "template"},
		{"mongodb://h:0", "1 to 65535"},
		{"mongodb://h:65536", "1 to 65535"},
		{"mongodb://h:abc", "1 to 65535"},
		{"mongodb://h:", "1 to 65535"},
		{"mongodb://h:+1", "1 to 65535"},
		{"mongodb://::1", "brackets"},
		{"mongodb://[::1", "brackets"},
		{"mongodb://[::1]x", "brackets"},
		{"mongodb://[127.0.0.1]", "IPv6"},
		{"mongodb://a,,b", "host 2 of 3 is empty"},
		{"mongodb://a,", "host 2 of 2 is empty"},
		{"mongodb://a..b", "host name"},
		{"mongodb://-a", "host name"},
		{"mongodb://münchen", "host name"},
		{"mongodb://a%zz", "%25"},
		{"mongodb://" + hostList(300), "300 hosts"},
		{"mongodb://" + strings.Repeat("h", maxBytes), "16 KiB"},
		{"mongodb://%2Ftmp%2Fother", "unix socket"},
		{"mongodb+srv://%2Ftmp%2Fa.sock", "unix socket"},
		{"mongodb+srv://a,b", "one name"},
		{"mongodb+srv://a:27017", "no port"},
		{"mongodb+srv://10.0.0.1", "IP address"},
		{"mongodb+srv://[::1]", "takes no port"},
		{"mongodb+srv://a/?directConnection=true", "does not go with"},
		{"mongodb://a,b/?directConnection=true", "names several"},
		{"mongodb://a,b/?connect=direct", "names several"},
		{"mongodb://h?w=1", "no slash"},
		{"mongodb://h//coll", "empty"},
		{"mongodb://h/a/b/c", "two parts"},
		{"mongodb://h/db.coll", "dot"},
		{"mongodb://h/a%20b", "does not allow"},
		{"mongodb://h/%2F", "does not allow"},
		{"mongodb://h/%zz", "%25"},
		{"mongodb://h/" + strings.Repeat("d", 64), "63 bytes"},
		{"mongodb://h/d/" + strings.Repeat("c", 254), "255 bytes"},
		{"mongodb://h/d/a$b", "contains $"},
		{"mongodb://h/d/.a", "dot"},
		{"mongodb://h/?replicaSet=", "option replicaSet has no value"},
		{"mongodb://h/?replicaSet", "option replicaSet has no value"},
		{"mongodb://h/?=x", "option 1 is not known"},
		{"mongodb://h/?w=1&nosuchthing=x", "option 2 is not known"},
		{"mongodb://h/?retrywrite=true", "did you mean retryWrites?"},
		{"mongodb://h/?tlsAllowInvalidCertificates=true", "tlsCAFile"},
		{"mongodb://h/?w=0", "option w is 0"},
		{"mongodb://h/?w=00", "option w is 0"},
		{"mongodb://h/?w=-1", "option w is not"},
		{"mongodb://h/?w=1&W=2", "option w is given twice"},
		{"mongodb://h/?tls=yes", "option tls is neither"},
		{"mongodb://h/?tls=true&ssl=false", "must be equivalent"},
		{"mongodb://h/?maxPoolSize=-1", "option maxPoolSize is not"},
		{"mongodb://h/?maxPoolSize=99999999999", "option maxPoolSize is not"},
		{"mongodb://h/?zlibCompressionLevel=x", "whole number"},
		{"mongodb://h/?readPreference=slave", "secondaryPreferred"},
		{"mongodb://h/?authMechanism=X", "SCRAM-SHA-256"},
		{"mongodb://h/?appName=%zz", "option appName is not well escaped"},
		{"mongodb://h/?appName=%01", "option appName contains a control"},
		{"mongodb://h/?authMechanism=SCRAM-SHA-256", "username required"},
		{"mongodb://h/?srvMaxHosts=1", "srvMaxHosts on non-SRV"},
		{"mongodb://h/?loadBalanced=true&replicaSet=rs", "loadBalanced"},
	}
	for _, tt := range tests {
		t.Run(tt.text[:min(len(tt.text), 60)], func(t *testing.T) {
			u, err := Parse(tt.text)
			var refused *Error
			if !errors.As(err, &refused) {
				t.Fatalf("Parse = %v, %v, want an *Error", u, err)
			}
			if !strings.Contains(err.Error(), tt.part) {
				t.Errorf("error %q does not say %q", err, tt.part)
			}
			if refused.Reason == "" || refused.Remedy == "" {
				t.Errorf("no reason or no remedy in %#v", refused)
			}
			for _, secret := range []string{"secret", "pa@ss", "zz", "a:b", "a/b"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("error %q contains %q", err, secret)
				}
			}
		})
	}
}

func TestParseEntry(t *testing.T) {
	for text, want := range map[string]string{"h": "mongodb://h:27017/", "h:1,[::1]": "mongodb://h:1,[::1]:27017/",
		"mongodb://u:p@h/?tls=true": "mongodb://u:p@h:27017/?tls=true"} {
		if u, err := ParseEntry(text); err != nil || u.Driver() != want {
			t.Errorf("ParseEntry(%q) = %v, %v, want %q", text, u, err, want)
		}
	}
	for _, text := range []string{"", "http://h", "u:secret"} {
		if u, err := ParseEntry(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseEntry(%q) = %v, %v", text, u, err)
		}
	}
	if !Is("mongodb://x") || !Is("mongodb+srv://x") || Is("http://x") || Is("") {
		t.Error("Is is wrong")
	}
}

// The table of options must know exactly what the driver knows, or an option
// would be refused or ignored wrongly.
func TestSpecsAgreeWithDriver(t *testing.T) {
	values := map[kind]string{textKind: "x", boolKind: "true", countKind: "1", numberKind: "1", wKind: "1", tagsKind: "a:b"}
	for key, spec := range specs {
		value := values[spec.kind]
		if len(spec.oneOf) > 0 {
			value = spec.oneOf[0]
		}
		if spec.name == "authMechanismProperties" {
			value = "a:b"
		}
		scheme := "mongodb://h/?"
		if strings.HasPrefix(key, "srv") {
			continue // the driver would look the name up
		}
		got, err := connstring.Parse(scheme + spec.name + "=" + value)
		if err != nil {
			t.Errorf("the driver refuses %s: %v", spec.name, err)
			continue
		}
		if len(got.UnknownOptions) > 0 {
			t.Errorf("the driver does not know %s", spec.name)
		}
		if spec.secret && !spec.auth {
			t.Errorf("%s is secret but not taken along with credentials", spec.name)
		}
	}
	for key := range foreign {
		if got, err := connstring.Parse("mongodb://h/?" + key + "=1"); err != nil || len(got.UnknownOptions) != 1 {
			t.Errorf("the driver does know %s (%v)", key, err)
		}
		if specs[key] != nil {
			t.Errorf("%s is in both tables", key)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"mongodb://u:SECRET@h/db/coll?tls=true", "mongodb://u:SECRET", "mongodb://SECRET:%zz@h",
		"mongodb+srv://h/?authMechanismProperties=AWS_SESSION_TOKEN:SECRET", "mongodb://u:pa@SECRET@h", "mongodb://[::1]:1,%2Fa.sock",
		"mongodb://u:x/SECRET@h", "mongodb://h/?SECRET=1", "mongodb://u:p?SECRET@h/?w=0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := Parse(text)
		if err != nil {
			var refused *Error
			if !errors.As(err, &refused) {
				t.Fatalf("error of type %T", err)
			}
			if strings.Contains(err.Error(), planted) {
				t.Fatalf("%q for %q", err, text)
			}
			return
		}
		again, err := Parse(u.Driver())
		if err != nil || again.Driver() != u.Driver() {
			t.Fatalf("Driver() %q is not stable: %v", u.Driver(), err)
		}
		shown, err := Parse(u.String())
		if err != nil || shown.String() != u.String() || shown.Collection() != u.Collection() {
			t.Fatalf("String() %q is not stable: %v", u, err)
		}
		checkDriverReadsTheSame(t, u)
		checkPlanted(t, u.String()+fmt.Sprintf("%+v %#v %q", u, *u, u.Hosts())+u.Options().Encode(), text)
		if r := Redact(u.Driver()); strings.Contains(u.Driver(), "@") && !strings.Contains(r, Mask+"@") {
			t.Fatalf("Redact(%q) = %q", u.Driver(), r)
		}
	})
}

// planted is the secret of the fuzz corpus. No error may show it, wherever it
// stands, and an accepted address may not if it stands before the @ alone.
const planted = "SECRET"

func checkPlanted(t *testing.T, shown, text string) {
	t.Helper()
	info, rest, ok := strings.Cut(text, "@")
	if ok && strings.Contains(info, planted) && !strings.Contains(strings.ToUpper(rest), planted) &&
		strings.Contains(strings.ToUpper(shown), planted) {
		t.Fatalf("%q is shown for %q", shown, text)
	}
}

func checkDriverReadsTheSame(t *testing.T, u *URI) {
	t.Helper()
	if u.SRV() {
		return
	}
	got, err := connstring.Parse(u.Driver())
	if err != nil {
		t.Fatalf("the driver refuses %q: %v", u.Driver(), err)
	}
	name, password, ok := u.User()
	if got.Username != name || got.Password != password || got.UsernameSet != ok || got.Database != u.Database() ||
		len(got.Hosts) != len(u.hosts) || len(got.UnknownOptions) > 0 {
		t.Fatalf("the driver reads %q otherwise", u.Driver())
	}
	for i, h := range u.hosts {
		if got.Hosts[i] != h.text() {
			t.Fatalf("the driver reads host %q as %q", h.text(), got.Hosts[i])
		}
	}
}
