package lgtask

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// checkServer finds out in 5 s whether the server can do what lgtask needs, and
// says in one line what is wrong and what to do.
func checkServer(ctx context.Context, client *mongo.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var hello struct {
		SetName        string `bson:"setName"`
		IsReplicaSet   bool   `bson:"isreplicaset"`
		Msg            string `bson:"msg"`
		Me             string `bson:"me"`
		WritablePrim   bool   `bson:"isWritablePrimary"`
		MaxWireVersion int    `bson:"maxWireVersion"`
	}
	// Any server will do for the question what it is.
	err := client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}},
		options.RunCmd().SetReadPreference(readpref.Nearest())).Decode(&hello)
	unusable := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrUnreachable, fmt.Sprintf(format, args...))
	}
	switch {
	case err != nil:
		return connectError(err)
	case hello.Msg == "isdbgrid" || hello.SetName != "":
	case hello.IsReplicaSet:
		return unusable("its replica set is not initiated; run rs.initiate() once")
	default:
		return unusable("it is a standalone server, and change streams need a replica set; a single node is enough: start mongod with --replSet rs0 and run rs.initiate() once")
	}
	if hello.MaxWireVersion < minWireVersion {
		return unusable("the server is older than MongoDB 4.4; update it")
	}
	if err := client.Database("admin").RunCommand(ctx, bson.D{{Key: "ping", Value: 1}},
		options.RunCmd().SetReadPreference(readpref.Primary())).Err(); err != nil {
		return connectError(err)
	}
	return nil
}

// minWireVersion is MongoDB 4.4's: the first with pipelines, $bsonSize and the
// resume rules that the statements here use.
const minWireVersion = 9

// connectError turns the driver's error into one line with the likely remedy.
func connectError(err error) error {
	const auth = "the user name or the password is wrong, or the user is in another database: add authSource=… to the address"
	var ce mongo.CommandError
	var selection topology.ServerSelectionError
	var text string
	switch {
	case isAuthError(err):
		text = auth
	case errors.As(err, &ce) && ce.Code == 13:
		text = "the user may not do this; give it the role readWrite on the task database: " + ce.Message
	case errors.As(err, &ce) && ce.Code == 94:
		text = "the replica set is not initiated; run rs.initiate() once"
	case errors.As(err, &selection):
		text = selectionText(selection, auth)
	default:
		text = "check the address, and that the server runs and can be reached from here: " + err.Error()
	}
	return &serverError{mongouri.Redact(text), mongouri.RedactError(err)}
}

// serverError is ErrUnreachable with the reason and the remedy on one line. The
// driver's own text, which is long, is only in the cause.
type serverError struct {
	text  string
	cause error
}

func (e *serverError) Error() string { return ErrUnreachable.Error() + ": " + e.text }

func (e *serverError) Is(target error) bool { return target == ErrUnreachable }

func (e *serverError) Unwrap() error { return e.cause }

// selectionText says what kept the driver from choosing a server.
func selectionText(err topology.ServerSelectionError, auth string) string {
	for _, s := range err.Desc.Servers {
		switch {
		case s.LastError != nil && isAuthError(s.LastError):
			return auth
		case s.LastError != nil:
			return "no server answered; check the address, TLS (tls=true or not) and that the server runs: " + s.LastError.Error()
		}
	}
	return "no primary of that replica set answered; check replicaSet=… in the address, that the set has a primary, and that its members' names can be resolved from here"
}

func isAuthError(err error) bool {
	var ce mongo.CommandError
	if errors.As(err, &ce) {
		return ce.Code == 18
	}
	return strings.Contains(err.Error(), "AuthenticationFailed") || strings.Contains(err.Error(), "auth error")
}
