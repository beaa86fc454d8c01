package kwargs

import "testing"

func TestName(t *testing.T) {
	for in, want := range map[string]string{
		"Arg": "arg", "TaskDB": "taskDb", "URL": "url", "HTTPAddr": "httpAddr", "ID": "id",
		"UserID": "userId", "UserIDs": "userIds", "URLs": "urls", "URLsToFetch": "urlsToFetch",
		"A": "a", "AB": "ab", "ABc": "aBc", "EC2Host": "ec2Host", "X509": "x509", "Int64ID": "int64Id",
		"SHA256Sum": "sha256Sum", "Sha256Sum": "sha256Sum", "MyURLParser": "myUrlParser", "S3Bucket": "s3Bucket",
		"Foo_Bar": "foo_Bar", "ÄnderungsDatum": "änderungsDatum", "日本": "日本", "Is": "is", "As": "as",
		"DBs": "dbs", "Class": "class", "GSSAPI": "gssapi",
	} {
		if got := Name(in); got != want {
			t.Errorf("Name(%q) = %q, want %q", in, got, want)
		}
	}
}
