// Package database holds the tests of what goes wrong between lgtask and MongoDB:
// primaries that are killed or step down, replies that are lost, commands that are
// refused or not confirmed, servers that are down or without a majority, streams that
// break, an oplog that rolls over. Each runs processors in its own process on a server
// of its own, and ends with the same judgement, see world.judge.
//
// FAULTS_TIME=10m makes the test that repeats one fault for a while do so for that
// long instead of a minute and a half.
package database
