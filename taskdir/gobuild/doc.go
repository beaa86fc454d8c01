// Package gobuild makes a processor program of a folder of Go files, the task
// folder: every exported struct type of its package with the method
//
//	Run(ctx context.Context, t *lgtask.TaskContext) error
//
// is a task class. A main function that registers them is generated and built by
// the go command with an overlay. The program lies in a cache and is built again
// when something that it was made of has changed.
//
// # Guarantees
//
// Nothing is written into the task folder or the module around it: go.mod and
// go.sum are used as they are, vendor folders, go.work and GOFLAGS are honoured,
// -mod=mod alone is taken as -mod=readonly. (The go command itself may keep
// go.work.sum, as it does in any build.) A folder without a go.mod above it gets
// one in the overlay, with the requirements of lgtask, so that it builds from the
// module cache without a network.
//
// A program is found again by the contents of its inputs: the folder, all other
// packages that are neither of the standard library nor in the module cache,
// embedded files, go.mod, go.sum, go.work, vendor/modules.txt, the settings of the
// go command and its version. If nothing changed no go command is started, and
// none is needed; undoing a change finds the former program. What is not seen: a C
// compiler, and files that C code includes from outside its package.
//
// A program appears in the cache whole or not at all. Of several builders of one
// folder one builds and the others wait for it. An input that changes during the
// build makes it start over. The last 10 programs of a folder are kept and those
// used within a day; those of other folders are removed 30 days after their last use,
// or a day if the folder is gone.
//
// # Duties
//
// Programs are executed from the cache, so its folder must belong to the user and
// be writable by nobody else; on Unix any other is refused. A program that still
// runs may be removed from the cache: do not start it again by its path, ask
// [Builder.Build] for it.
//
// # Failures
//
// Whatever the compiler or the go command rejects is a [*CompileError] with the
// real paths of the files. A failed build leaves earlier programs alone. Without a
// go command and a program that fits the error is [ErrNoToolchain]. Every error is
// one line; the credentials of addresses in it are masked.
package gobuild
