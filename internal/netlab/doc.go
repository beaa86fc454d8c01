// Package netlab gives tests of the network a network of their own: hosts on one
// bridge, each a network namespace with an address, which can be cut off from each
// other and connected again.
//
// # Guarantees
//
//   - Nothing of the machine's own network is touched: no interface, no rule, no name.
//     [Enter] starts the program again in namespaces for network and mounts that are its
//     own, and everything is made within these.
//   - Nothing is left behind, even by a program that is killed: the kernel removes the
//     namespaces with the last process in them. What runs in one must therefore end
//     with its owner.
//   - [Host.Cut] is in force when it returns, in both directions, also for connections
//     that are open.
//
// # Needs
//
// Linux, root, and the commands ip (iproute2) and iptables; [Missing] says what a
// machine lacks.
package netlab
