// Package tasksocket is the way from a task that is a program of its own to the
// processor that runs it: HTTP on a unix socket whose path the task finds in
// LGTASK_SOCKET. The task needs no address of the database, and gets none.
//
// # Protocol
//
// POST /call enqueues or unschedules. The body is a call as JSON (the type
// lgtask.Call): verb, class, and what else the verb takes; kwargs are relaxed
// Extended JSON. The reply is {"id": "…", "created": true}.
//
//	curl --unix-socket "$LGTASK_SOCKET" http://task/call \
//	    -d '{"verb": "delay", "when": "5 minutes", "class": "Mail", "kwargs": {"to": "bob"}}'
//
// POST /log adds each line of the body to the task's log.
//
//	some-command | curl --unix-socket "$LGTASK_SOCKET" http://task/log --data-binary @-
//
// POST /progress says how far the task is: any JSON value, at most 1 KiB.
//
//	curl --unix-socket "$LGTASK_SOCKET" http://task/progress -d '{"done": 3, "of": 7}'
//
// /log and /progress reply 204 without a body. What fails replies
// {"error": "what is wrong and what to do", "kind": "…"}; the kinds and their
// status codes are the constants of type Kind. The host in the URL does not
// matter, nor does the Content-Type.
//
// # Guarantees
//
// A body is at most 2 MiB and is refused, not cut, beyond. JSON is strict: one
// value, nothing behind it. At most maxAtOnce requests are worked on at once, so
// that a task cannot fill its processor's memory; the others wait. No reply shows
// the password of an address. A request that was replied to with success has
// been done. One whose reply did not come may have been: give /call an id, then
// it can be repeated.
//
// # Duties
//
// Who serves passes a socket that only the task's user can open (Listen makes
// one) and ends Serve's context when the task has ended. Serve then lets requests
// under way finish, for closeTime at most, and returns when none is left.
package tasksocket
