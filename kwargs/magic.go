package kwargs

import (
	"context"
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// openMongo is the built-in conversion of mongodb:// texts.
func (b *Binder) openMongo(ctx context.Context, text string, want reflect.Type) (any, func(), error) {
	u, err := mongouri.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	if is := handleType(u); want != is && want.Kind() != reflect.Interface {
		return nil, nil, &mismatch{
			want: want.String() + " (" + formOf(want) + ")", got: "an address of the form " + formOf(is),
			reason: fmt.Sprintf("%s stands for a %s", u, is),
		}
	}
	t, err := b.hosts.judge(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	if err := checkOptions(u, t.base); err != nil {
		return nil, nil, err
	}
	client, release, err := b.clientFor(ctx, u, t)
	if err != nil {
		return nil, nil, mongouri.RedactError(err)
	}
	switch {
	case u.HasCollection():
		return client.Database(u.Database()).Collection(u.Collection()), release, nil
	case u.HasDatabase():
		return client.Database(u.Database()), release, nil
	}
	return client, release, nil
}

// clientFor gives the task database's own client if the address means just that
// and names a database; somebody who gets a *mongo.Client might disconnect it,
// so that one is always the handlers' own.
func (b *Binder) clientFor(ctx context.Context, u *mongouri.URI, t trust) (*mongo.Client, func(), error) {
	if t.own && b.hosts.ownClient != nil && u.HasDatabase() && addsNothing(u, t.base) {
		return b.hosts.ownClient, nil, nil
	}
	return b.clients.acquire(ctx, clientKey(u, t), func() (*mongo.Client, error) {
		client, err := mongo.Connect(clientOptions(u, t, b.hosts))
		if err != nil {
			return nil, err
		}
		b.remember(client, u)
		return client, nil
	})
}

// handleType is what an address stands for.
func handleType(u *mongouri.URI) reflect.Type {
	switch {
	case u.HasCollection():
		return typeCollection
	case u.HasDatabase():
		return typeDatabase
	}
	return typeClient
}

func formOf(t reflect.Type) string {
	switch t {
	case typeCollection:
		return "mongodb://host/database/collection"
	case typeDatabase:
		return "mongodb://host/database"
	}
	return "mongodb://host/"
}

// mongoText is the way back: the address of a handle, without credentials.
func (b *Binder) mongoText(value any) (string, error) {
	switch h := value.(type) {
	case *mongo.Client:
		return b.addressText(h, "", "")
	case *mongo.Database:
		return b.addressText(h.Client(), h.Name(), "")
	case *mongo.Collection:
		return b.addressText(h.Database().Client(), h.Database().Name(), h.Name())
	}
	return "", fmt.Errorf("%T is no handle of MongoDB", value)
}

func (b *Binder) addressText(client *mongo.Client, database, collection string) (string, error) {
	known, ok := b.addressOf(client)
	if !ok {
		return "", ErrUnboundHandle
	}
	// Parsing what String shows leaves the credentials behind for good.
	u, err := mongouri.Parse(known.String())
	if err != nil {
		return "", err
	}
	if u, err = u.WithDatabase(database); err != nil {
		return "", err
	}
	text := u.String()
	if collection != "" {
		path, query, hasQuery := strings.Cut(text, "?")
		text = path + "/" + strings.ReplaceAll(url.QueryEscape(collection), "+", "%20")
		if hasQuery {
			text += "?" + query
		}
	}
	if _, err := mongouri.Parse(text); err != nil {
		return "", err
	}
	return text, nil
}
