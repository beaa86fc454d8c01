package lgtask

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/internal/namelock"
	"github.com/lgtask/lgtask/tasks"
)

// What to do about servers that cannot be used. Each is one line.
const (
	adviceStandalone = "it is a standalone server, and change streams need a replica set; a single node is enough: start mongod with --replSet rs0 and run rs.initiate() once"
	adviceInitiate   = "the replica set is not initiated: run rs.initiate() once"
	adviceOld        = "the server is older than MongoDB 4.4: update it"
	adviceAuth       = "the user name or the password is wrong, or the user is in another database: correct them, or add authSource=… to the address"
	adviceSecondary  = "the address leads to a member that takes no writes: name all members and leave out directConnection"
	adviceMajority   = "the primary answers, but no majority of the replica set's members confirms its writes: rs.status() there shows which are missing"
	adviceSet        = "no server in the address belongs to the replica set that replicaSet=… names: correct that name or leave it out; a standalone server has to be started with --replSet first"
)

// checkTime is how long a server is waited for. It is a little less than the
// time that a client gives a single connection, 5 s: closing the client waits for
// that one, and would wait for the next if it had begun already.
const checkTime = 4500 * time.Millisecond

// checkServer finds out in checkTime whether the server can do what lgtask needs,
// and says in one line what is wrong and what to do.
func checkServer(ctx context.Context, client *mongo.Client) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	// Any server will do for the question what it is.
	hello, err := askHello(ctx, client, readpref.Nearest())
	if err != nil {
		return connectError(err)
	}
	if advice := hello.advice(); advice != "" {
		return &serverError{text: advice}
	}
	if hello, err = askHello(ctx, client, readpref.Primary()); err != nil {
		return connectError(err)
	}
	if !hello.WritablePrimary {
		return &serverError{text: adviceSecondary}
	}
	return nil
}

// helloReply is what a server says of itself.
type helloReply struct {
	SetName         string `bson:"setName"`
	IsReplicaSet    bool   `bson:"isreplicaset"`
	Msg             string `bson:"msg"`
	WritablePrimary bool   `bson:"isWritablePrimary"`
	MaxWireVersion  int    `bson:"maxWireVersion"`
}

func askHello(ctx context.Context, client *mongo.Client, rp *readpref.ReadPref) (reply helloReply, err error) {
	err = client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}},
		options.RunCmd().SetReadPreference(rp)).Decode(&reply)
	return reply, err
}

// minWireVersion is MongoDB 4.4's: the first with pipelines, $bsonSize and the
// resume rules that the statements here use.
const minWireVersion = 9

// advice says why such a server cannot be used, or "".
func (h helloReply) advice() string {
	switch router := h.Msg == "isdbgrid"; {
	case h.SetName == "" && h.IsReplicaSet:
		return adviceInitiate
	case h.SetName == "" && !router:
		return adviceStandalone
	case h.MaxWireVersion < minWireVersion:
		return adviceOld
	}
	return ""
}

// serverError is ErrUnreachable with the reason and the remedy on one line. The
// driver's own text, which is long, is only in the cause.
type serverError struct {
	text  string
	cause error // nil if the server was reached
}

func (e *serverError) Error() string { return ErrUnreachable.Error() + ": " + e.text }

func (e *serverError) Is(target error) bool { return target == ErrUnreachable }

func (e *serverError) Unwrap() error { return e.cause }

// connectError turns the driver's error into one line with the likely remedy.
func connectError(err error) error {
	return &serverError{mongouri.Redact(connectText(err)), mongouri.RedactError(err)}
}

func connectText(err error) string {
	var ce mongo.CommandError
	var selection topology.ServerSelectionError
	switch {
	case isAuthError(err):
		return adviceAuth
	case errors.As(err, &ce):
		return commandText(ce)
	case errors.As(err, &selection):
		return selectionText(selection.Desc)
	}
	return networkText("the server", err)
}

// commandText says why a server refused a command.
func commandText(err mongo.CommandError) string {
	switch err.Code {
	case 13: // Unauthorized
		if strings.Contains(err.Message, "requires authentication") {
			return "the server asks who we are: put user:password@ before the host in the address"
		}
		return "the user may not do this: give it the role readWrite on the task database: " + err.Message
	case 94: // NotYetInitialized
		return adviceInitiate
	case 10107, 13435: // NotWritablePrimary, NotPrimaryNoSecondaryOk
		return adviceSecondary
	}
	return "the server refused a command, look into its log for the reason: " + err.Error()
}

// selectionText says what kept the driver from choosing a server.
func selectionText(servers description.Topology) string {
	switch {
	case servers.CompatibilityErr != nil:
		return adviceOld + ": " + servers.CompatibilityErr.Error()
	case len(servers.Servers) == 0:
		// The driver forgets servers of another set and standalone ones.
		return adviceSet
	}
	answered := ""
	var failed *description.Server
	for i, s := range servers.Servers {
		switch {
		case s.Kind == description.ServerKindRSGhost:
			return "at " + s.Addr.String() + " " + adviceInitiate
		case s.LastError != nil && isAuthError(s.LastError):
			return adviceAuth
		case s.LastError != nil && failed == nil:
			failed = &servers.Servers[i]
		case s.LastError == nil && s.Kind != description.Unknown:
			answered = s.Addr.String()
		}
	}
	switch {
	case answered != "":
		return "its replica set has no primary, as " + answered + " says: rs.status() there shows which members are missing"
	case failed != nil:
		return networkText(failed.Addr.String(), failed.LastError)
	}
	return "no server answered in time: check the address, that the server runs, and that no firewall is between"
}

// networkText says why a server could not be talked to, in the words of the
// system.
func networkText(server string, err error) string {
	var dns *net.DNSError
	var noTLS tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s cannot be resolved: correct the address; if it is the replica set that names its members so, make that name known here", dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at " + server + ": start mongod there, or correct the host and port in the address"
	case errors.As(err, &noTLS):
		return server + " does not speak TLS: leave tls=true out of the address, or switch TLS on there"
	case errors.As(err, &certificate), errors.As(err, &authority):
		return "the certificate of " + server + " is not trusted: name its authority with tlsCAFile=… in the address: " + err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return server + " closed the connection: if it wants TLS, add tls=true to the address, if not, leave it out; else look into its log"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return server + " did not answer in time: check the address, that the server runs, and that no firewall is between"
	}
	return server + " cannot be used: check the address, TLS (tls=true or not) and that the server runs: " + err.Error()
}

func isAuthError(err error) bool {
	var ce mongo.CommandError
	if errors.As(err, &ce) {
		return ce.Code == 18
	}
	return strings.Contains(err.Error(), "AuthenticationFailed") || strings.Contains(err.Error(), "auth error")
}

// startError makes the errors of the driver that come after checkServer, such as
// a right that is missing, read like its own.
func startError(err error) error {
	var foreign *tasks.ForeignError
	var running *ErrProcessorRunning
	var lock *namelock.DirError
	if errors.Is(err, ErrUnreachable) || errors.As(err, &foreign) || errors.As(err, &running) || errors.As(err, &lock) {
		return err
	}
	return connectError(err)
}
