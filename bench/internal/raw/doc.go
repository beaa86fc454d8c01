// Package raw holds the MongoDB operations that lgtask's work is made of, with
// nothing around them: what MongoDB itself can do on the machine, as a floor to
// compare with in the same run.
//
// The documents are those that lgtask writes, into a collection that lgtask made,
// with its validator and indexes. The updates set the fields that a claim and a
// completion set. They have what correctness needs (the condition on the state,
// the token) and none of the bookkeeping: no names, no retries, one processor
// name for all.
//
// Nothing here uses lgtask's own statements, so that a change of them shows as a
// change of the ratio.
package raw
