// Package namelock keeps the name of a processor from running twice on a host.
//
// A lock is a file that is locked by the system (flock; LockFileEx on Windows).
// The system lets go of it when the last process that has it open is gone,
// however it ended, so a name is free the moment its holder was killed, and no
// process id is ever trusted: what is written into the file is for people.
//
// # Guarantees
//
// Of several that ask for one key at the same time exactly one gets it, whatever
// is in the file. A lock survives the exec of a child that was given its file.
//
// # Duties
//
// All must use the same folder. A file that is removed while it is locked frees
// its name for the next one who asks: the name's entry in the database is the
// second line, which also covers other hosts.
//
// # Failure behaviour
//
// A folder or file that belongs to another user, or that others could change, is
// refused: they could hold a name for ever, or read who runs what.
package namelock
