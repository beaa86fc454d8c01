// Package taskdir reads a task directory, in which each file is a task: Go
// files, which somebody else builds, and executables in any language.
//
// What counts. Only the top level of the folder does; subfolders are for
// helpers. Names that begin with a dot or an underscore and backups of editors
// are ignored, so are plain data files and _test.go files. An executable is a
// regular file with permission to execute. Its class is its name without what
// follows the last dot, letters, digits and "_.-" only, at most 128 of them. Two
// executables of one class are both refused, since either could be meant.
//
// Options stand in the file, on one of its first 20 lines, after any comment
// sign:
//
//	# lgtask: singleton timeout=5m attempts=3 priority=10 env=AWS_REGION,FOO
//
// What is refused. Whoever can change a file here decides what runs under our
// user. So the folder and all that leads to it must belong to root or the
// current user and be writable by nobody else (a sticky folder above it, as
// /tmp, will do; so will a group with nobody else in it), else [Scan] returns a [*DirError]. The same holds for each
// file; links, pipes, devices and setuid programs are refused too. A refusal
// is never silent: [Folder].Refused has it with a reason and what to do.
//
// The checks are made again at each run, by [Executable.Open], on the opened
// file. Run what that file is, not its path: then a file that was exchanged
// after the check is not run.
//
// Duties of the caller. What a task reads beside itself (modules, data,
// subfolders) is not checked. Build no Go if [Folder.RefusedGo] returns
// something. Scanning works where files have an owner and a mode; elsewhere
// (Windows) Scan returns an error.
package taskdir
