// Package mongouri reads, checks and writes MongoDB addresses and keeps their
// secrets out of everything that is shown.
//
// An address is mongodb://[user:password@]host[,host…][/database[/collection]]
// [?option=value…], or mongodb+srv:// with one name. The collection part is
// ours: the driver would take "database/collection" for the name of a
// database, so Parse splits it off and Driver leaves it out.
//
// # What Parse guarantees
//
// Parse is strict, needs no network, and never panics. What it accepts the
// driver accepts too, and reads the same way: Driver writes the address anew,
// every part escaped and every host with its port. An address is refused if a
// part is ambiguous (a second "@", an empty host, an empty option value, an
// option given twice), unknown to the driver (it would be ignored silently),
// or unsafe (w=0, which loses the acknowledgement every promise rests on).
//
// Options that would weaken reads or writes of the task collections but are
// useful on a user's own data (readPreference, w, retryWrites and the like) are
// accepted. They have no effect on tasks, because ForTasks drops them and the
// code sets its own per collection.
//
// # Secrets
//
// Secret are the user name, the password and the options that carry keys. They
// leave a URI only through Driver and User. String, Hosts, Options, every
// *Error, and the fmt verbs %v, %+v, %#v, %s and %q show none. An *Error names
// the part that is wrong and its position but not its text, since in a
// malformed address any part may turn out to be a piece of the password: in
// mongodb://user:secret the password stands where the port should be.
//
// Redact masks secrets in text that others wrote, such as errors of the driver,
// and RedactError does so for errors.
package mongouri
