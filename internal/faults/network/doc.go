// Package network holds the tests of what goes wrong between hosts: workers that are
// cut off, primaries that are isolated, sockets whose other end is silently gone, hosts
// of one name, and file systems that are full. Servers and workers run on hosts of a
// network that the tests make in namespaces, see package netlab; a worker is the test
// program, started again. They need root on Linux, iproute2 and iptables, and say so
// where these are missing:
//
//	make faults
//
// FAULTS_ROUNDS=50 repeats what is repeated so often instead of ten times.
package network
