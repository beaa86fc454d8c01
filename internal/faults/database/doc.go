// Package database holds the tests of what goes wrong between lgtask and MongoDB:
// primaries that are killed or step down, replies that are lost, members that cannot
// be reached, servers that are down, full or read-only, streams that break. Each runs
// processors in its own process on a server of its own, and ends with the same
// judgement, see world.judge. What needs root (networks that drop packets, disks that
// fill up) has another build tag:
//
//	make faults
//	sudo make faults-root
//
// FAULTS_TIME=10m makes the tests that repeat one fault for a while do so for that
// long instead of a minute and a half.
package database
