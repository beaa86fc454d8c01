package mongouri

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lgtask/lgtask/internal/mongouri/nearest"
)

// option is one option of an address. Its value is empty if spec.secret: then
// index points into private.values.
type option struct {
	spec  *optionSpec
	value string
	index int
}

// optionSpec is what is known of an option.
type optionSpec struct {
	name string
	kind kind
	// secret: the value is a secret. auth: the option belongs to the
	// credentials. tls: it says how the connection is protected.
	secret, auth, tls bool
	// overridden: without effect on the task database, see ForTasks.
	overridden bool
	// oneOf, if not empty, has the values there are; their case is ignored.
	oneOf []string
}

type kind int

const (
	textKind kind = iota
	boolKind
	countKind // an integer from 0 to 2^31-1
	numberKind
	wKind
	tagsKind
)

// specs has every option the driver knows, by its name in lower case.
var specs = indexSpecs([]optionSpec{
	{name: "appName"},
	{name: "authMechanism", auth: true, oneOf: []string{"SCRAM-SHA-1", "SCRAM-SHA-256", "MONGODB-X509",
		"MONGODB-AWS", "MONGODB-OIDC", "GSSAPI", "PLAIN"}},
	{name: "authMechanismProperties", auth: true, secret: true},
	{name: "authSource", auth: true},
	{name: "compressors"},
	{name: "connect", oneOf: []string{"automatic", "direct"}},
	{name: "connectTimeoutMS", kind: countKind},
	{name: "directConnection", kind: boolKind},
	{name: "enableOverloadRetargeting", kind: boolKind},
	{name: "heartbeatFrequencyMS", kind: countKind},
	{name: "heartbeatIntervalMS", kind: countKind},
	{name: "journal", kind: boolKind, overridden: true},
	{name: "loadBalanced", kind: boolKind},
	{name: "localThresholdMS", kind: countKind},
	{name: "maxAdaptiveRetries", kind: countKind},
	{name: "maxConnecting", kind: countKind},
	{name: "maxIdleTimeMS", kind: countKind},
	{name: "maxPoolSize", kind: countKind},
	{name: "maxStaleness", kind: countKind, overridden: true},
	{name: "maxStalenessSeconds", kind: countKind, overridden: true},
	{name: "minPoolSize", kind: countKind},
	{name: "readConcernLevel", overridden: true},
	{name: "readPreference", overridden: true, oneOf: []string{"primary", "primaryPreferred", "secondary",
		"secondaryPreferred", "nearest"}},
	{name: "readPreferenceTags", kind: tagsKind, overridden: true},
	{name: "replicaSet"},
	{name: "retryReads", kind: boolKind, overridden: true},
	{name: "retryWrites", kind: boolKind, overridden: true},
	{name: "serverMonitoringMode", oneOf: []string{"auto", "stream", "poll"}},
	{name: "serverSelectionTimeoutMS", kind: countKind},
	{name: "socketTimeoutMS", kind: countKind, overridden: true},
	{name: "srvMaxHosts", kind: countKind},
	{name: "srvServiceName"},
	{name: "ssl", kind: boolKind, tls: true},
	{name: "sslCertificateAuthorityFile", tls: true},
	{name: "sslClientCertificateKeyFile", auth: true, tls: true},
	{name: "sslClientCertificateKeyPassword", auth: true, tls: true, secret: true},
	{name: "sslInsecure", kind: boolKind, tls: true},
	{name: "timeoutMS", kind: countKind, overridden: true},
	{name: "tls", kind: boolKind, tls: true},
	{name: "tlsCAFile", tls: true},
	{name: "tlsCertificateFile", auth: true, tls: true},
	{name: "tlsCertificateKeyFile", auth: true, tls: true},
	{name: "tlsCertificateKeyFilePassword", auth: true, tls: true, secret: true},
	{name: "tlsDisableCertificateRevocationCheck", kind: boolKind, tls: true},
	{name: "tlsDisableOCSPEndpointCheck", kind: boolKind, tls: true},
	{name: "tlsInsecure", kind: boolKind, tls: true},
	{name: "tlsPrivateKeyFile", auth: true, tls: true},
	{name: "w", kind: wKind, overridden: true},
	{name: "zlibCompressionLevel", kind: numberKind},
	{name: "zstdCompressionLevel", kind: numberKind},
})

// foreign has options that other drivers know and this one ignores, with what
// to do instead. Ignoring them silently would hide a wrong expectation.
var foreign = map[string]string{
	"j":                           "write journal=true",
	"maxidletime":                 "write maxIdleTimeMS",
	"proxyhost":                   "the Go driver has no proxy support",
	"tlsallowinvalidcertificates": "trust the server's certificate with tlsCAFile, or write tlsInsecure=true",
	"tlsallowinvalidhostnames":    "trust the server's certificate with tlsCAFile, or write tlsInsecure=true",
	"uuidrepresentation":          "remove it; UUIDs are always in the standard form",
	"waitqueuemultiple":           "remove it; the Go driver does not have it",
	"waitqueuetimeoutms":          "remove it; the Go driver does not have it",
	"wtimeout":                    "remove it; the Go driver does not have it",
	"wtimeoutms":                  "remove it; the Go driver does not have it",
}

func indexSpecs(list []optionSpec) map[string]*optionSpec {
	out := make(map[string]*optionSpec, len(list))
	for i := range list {
		out[strings.ToLower(list[i].name)] = &list[i]
	}
	return out
}

// parseOptions reads what follows the question mark, and returns the values of
// secret options apart.
func parseOptions(text string) (opts []option, secrets []string, err error) {
	pairs := strings.FieldsFunc(text, func(r rune) bool { return r == '&' || r == ';' })
	seen := map[string]bool{}
	for i, pair := range pairs {
		key, raw, found := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(key)
		spec := specs[strings.ToLower(name)]
		if err != nil || spec == nil {
			return nil, nil, unknownOption(name, i+1)
		}
		value, err := url.QueryUnescape(raw)
		if err != nil {
			return nil, nil, refuseOption(spec.name, "is not well escaped", "write %25 for a per cent sign")
		}
		if !found || (value == "" && spec.kind != tagsKind) {
			return nil, nil, refuseOption(spec.name, "has no value", "give it one or remove it")
		}
		if seen[spec.name] && spec.kind != tagsKind {
			return nil, nil, refuseOption(spec.name, "is given twice", "keep one of them")
		}
		seen[spec.name] = true
		if err := spec.check(value); err != nil {
			return nil, nil, err
		}
		o := option{spec: spec, value: value}
		if spec.secret {
			o.value, o.index = "", len(secrets)
			secrets = append(secrets, value)
		}
		opts = append(opts, o)
	}
	return opts, secrets, nil
}

// unknownOption names the option only if it is close to a known one: elsewhere
// it may be a piece of a password with a question mark in it.
func unknownOption(name string, position int) error {
	lower := strings.ToLower(name)
	if remedy, ok := foreign[lower]; ok {
		return &Error{Option: lower, Reason: "option " + lower + " is not supported", Remedy: remedy}
	}
	where := fmt.Sprintf("option %d is not known", position)
	if near := nearestOption(lower); near != "" {
		return refuse(where, "did you mean "+near+"?")
	}
	return refuse(where, "remove it or correct its name; if it belongs to a password, write %3F for ? and %26 for &")
}

func nearestOption(lower string) string {
	var names []string
	for key, spec := range specs {
		if len(key) >= 5 {
			names = append(names, spec.name)
		}
	}
	return nearest.Word(lower, names, 2)
}

// check judges a value by the option's kind. No message quotes the value.
func (s *optionSpec) check(value string) error {
	switch s.kind {
	case boolKind:
		if value != "true" && value != "false" {
			return refuseOption(s.name, "is neither true nor false", "write true or false")
		}
	case countKind:
		if n, err := strconv.ParseInt(value, 10, 32); err != nil || n < 0 {
			return refuseOption(s.name, "is not a whole number from 0", "write digits only, without a unit")
		}
	case numberKind:
		if _, err := strconv.ParseInt(value, 10, 32); err != nil {
			return refuseOption(s.name, "is not a whole number", "write digits only, without a unit")
		}
	case wKind:
		n, err := strconv.Atoi(value)
		if err == nil && n == 0 {
			return refuseOption("w", "is 0: writes would not be acknowledged and could be lost unseen", "write w=majority or remove it")
		}
		if err == nil && (n < 0 || n > maxHosts) {
			return refuseOption("w", "is not a number of members", "write w=majority or remove it")
		}
	case textKind, tagsKind:
	}
	matches := func(known string) bool { return strings.EqualFold(known, value) }
	if len(s.oneOf) > 0 && !slices.ContainsFunc(s.oneOf, matches) {
		return refuseOption(s.name, "has a value that does not exist", "write one of "+strings.Join(s.oneOf, ", "))
	}
	if hasControl(value) && !s.secret {
		return refuseOption(s.name, "contains a control character", "remove it")
	}
	return nil
}
