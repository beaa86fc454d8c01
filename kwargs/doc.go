// Package kwargs turns the fields of a task class into the document kwargs of a
// task, and back, and does the parameter magic on the way: a mongodb:// address
// arrives as a collection, a database or a client.
//
// # Names
//
// A class is a struct, its exported fields are its kwargs. A kwarg's name is the
// bson tag, else the json tag, else the field's name with its words in camel
// case (Name: TaskDB is taskDb, URL is url). The same rule holds for structs
// inside, at any depth. Fields of an embedded struct belong to the class, unless
// the embedded one has a name tag; the less deeply embedded of two equal names
// counts. Of the flags in a tag, omitempty and inline have a meaning: an inline
// struct is like an embedded one, an inline map takes the kwargs that no field
// has. Field names are matched exactly, capitals included.
//
// Left out are fields tagged lgtask:"-", bson:"-" or json:"-", and embedded types
// with a method NotKwargs(), which is how a helper says that its fields are none
// of the class's kwargs. A struct that embeds such a helper has the method by
// promotion and is no helper for that; so a helper that embeds another helper
// must keep its own fields unexported or tag them.
//
// A field tagged lgtask:"required" must be there and not null. Otherwise a
// missing kwarg leaves the field as it is, and null sets its zero value. Kwargs
// without a field are ignored, unless the class is Strict.
//
// # Values
//
// Ordinary fields are written and read as by the driver's codec, types with BSON
// methods of their own by these, with the following differences:
//
//   - Numbers of any width fit any numeric field that holds them exactly, and
//     no other: 2^53+1 does not become a float64, 1.5 no int, 0.1 no float32.
//     Booleans are no numbers. A uint64 above 2^63-1 has no BSON type.
//   - In a field of type any, documents arrive as map[string]any, arrays as
//     []any, dates as time.Time, whole numbers of both widths as int64. Who needs
//     the order of keys or the exact type takes a bson.D, bson.Raw or bson.RawValue.
//   - time.Time is a date (milliseconds, UTC); an RFC 3339 text is taken, too.
//   - time.Duration is a number of nanoseconds; a text like "1m30s" is taken, too.
//   - A [16]byte takes the binary subtype of UUIDs, too.
//   - Structs without exported fields travel as text if they can (netip.Addr,
//     big.Int), with the empty text for their zero value, and are otherwise
//     refused, since they would silently arrive empty.
//
// Encode refuses what would not come back equal or would break other readers:
// cycles and nesting beyond 32 levels, keys with a NUL, keys given twice, text that
// is not UTF-8, years outside a BSON date. Decode takes what others wrote as long
// as it is well-formed; a key given twice is an error. Neither panics, whatever the
// input, nor when a method of a user's type does. They do not limit the size.
//
// # Parameter magic
//
// A text mongodb://host/db/coll arrives as *mongo.Collection, …/db as
// *mongo.Database, and …/ or no path as *mongo.Client:
//
//   - by the address alone in a field of type any (or another interface it
//     satisfies) of the class itself, in its inline map, and in the entries of a
//     class that is a map. Texts further inside stay texts.
//   - by agreement of address and type in fields of these three types, which may
//     also stand further inside ([]*mongo.Collection, a map, a struct). A
//     disagreement is an error that names both.
//   - A string field keeps the text.
//
// Nothing is connected during Decode: an unreachable server shows at the first
// use. Handles are written back as text without credentials. Options that a
// handle was made with in Go (read preference, write concern) are not part of it.
// Binding describes how to add, replace and switch off conversions.
//
// # Which hosts
//
// Who may insert a task may choose its kwargs, so addresses must not open the
// network that the processor stands in. Allowed are
//
//   - the task database's own hosts: those in its address and the members that it
//     lists itself when asked over its own connection (ErrMembersUnknown if it
//     does not answer);
//   - the hosts in Options.Hosts, the setting LGTASK_MONGO_HOSTS. A port that is
//     not given means 27017 there as everywhere.
//
// The rule is applied to the address and again when connecting, to every host that
// DNS or a server names: of a replica set that is not the task database's, each
// member has to be listed. A mongodb+srv name needs a full mongodb+srv address in
// the list, which also stands for the hosts of its domain, as DNS gives them.
// Link-local networks and metadata services are never connected to, whatever the
// list says and however the name resolves; loopback only if it is written as
// such, or if the task database is there too.
//
// Credentials of the configuration apply to an address that has none, and only if
// all of its hosts belong to the one configured address that carries them: the
// task database's or one in Options.Hosts. An address's own credentials come
// first; they are used and never written back, so an address that carries some
// does not survive another trip: put it into the list. TLS settings of the
// configuration hold in either case, and tls=false against them is refused. Of
// the options, an address may set appName, authSource, directConnection,
// readPreference, replicaSet, retryReads, retryWrites, tls, w, and timeouts, which
// are capped.
//
// # Clients
//
// An address of a database or collection on the task database's hosts, without
// other options and credentials, is served by the connection's own client: no new
// sockets, and a handler's transaction there can enqueue tasks. All else gets a
// client from a cache: one for equal hosts, credentials and options, 8 a process
// by default, each with at most 10 connections to a server and 5 s to connect. A
// client is held until the release function of every Decode that used it has been
// called; what nobody holds stays open until its place is needed. If all are held,
// Decode returns ErrTooManyClients, which says nothing about the task.
//
// Nothing keeps a handler from calling Disconnect on what it got. A *mongo.Client
// from an address is therefore never the connection's own one. A cached client that
// was disconnected fails for the tasks that hold it at that moment and is opened
// anew for the next one. Handlers must not disconnect the client of a database or
// collection, which may be the connection's own.
//
// Errors and documents show no credentials.
package kwargs
