// Package executable runs one executable of a task directory as one attempt of
// a task, and leaves nothing of it behind.
//
// What the program gets. Nothing but its path as argument, the kwargs on
// standard input, and an environment made from an allow-list: PATH, HOME, USER,
// LOGNAME, LANG, LC_*, TZ and TMPDIR, what its own line of options names, what
// the caller adds, and LGTASK_TASK_DIR, LGTASK_RUN and, with a Handler,
// LGTASK_SOCKET. No other variable of this process, so no address of a
// database, gets there. It runs in a process group and an empty folder of its
// own, with descriptors 0 to 2 and one for its own file, and writes no core.
//
// What is executed is the descriptor that [taskdir.Executable.Open] checked, as
// /proc/self/fd/3, so that a file exchanged meanwhile is not run. For a script
// that link is its name: $0 does not tell its folder, LGTASK_TASK_DIR does.
// Python resolves the link for sys.path.
//
// Its output is read all the time, whatever it is, with constant memory. Each
// line is valid UTF-8 of at most [MaxLine] bytes, with secrets masked.
//
// How it ends. When the context ends, the group gets SIGTERM, and SIGKILL after
// the grace. When the program itself has ended, by itself or so, what is left of
// its group gets SIGKILL at once, and output that others keep open is waited for
// 2 s at most. The program dies with this process, even if that is killed; then
// its own children may go on, and its folder is left.
//
// A process that left the group (a daemon) is found again only in a program
// that called [BecomeSubreaper]: then it becomes our child when its parent ends,
// is known by its LGTASK_RUN, and is killed and reaped at the end of the run.
// One that also cleared or hid its environment survives. Without BecomeSubreaper such
// processes go on; the run does not wait for them.
//
// Duties of the caller. Line and Handler must return soon: a slow Line slows the
// program down, a Handler must end when its request's context does. Executables
// run on Linux, with /proc; elsewhere Run returns an error.
package executable
