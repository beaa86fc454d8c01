// Package schedules holds the tests of names under contention: schedules that many
// processors drive, batches that many callers ask for, singletons whose holders die, and
// delayed tasks that are due at once while processors restart.
//
//	make faults
//
// FAULTS_TIME=10m makes the race of a schedule last that long instead of half a minute.
package schedules
