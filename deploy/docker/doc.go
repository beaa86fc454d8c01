// Package docker holds the files that make container images of lgtask, and the
// tests that build and run them. It has no code of its own.
//
// # Guarantees
//
//   - Dockerfile makes an image of one static program, the CA roots and an empty
//     /tmp, that runs as the user 65532 without capabilities on a read-only root.
//   - taskdir.Dockerfile makes images of a folder of tasks: its Go tasks as one
//     static program on an empty base, or that with the folder's executables on
//     a base that can run them. The user cannot change the tasks.
//   - compose.yaml, as Docker Compose itself reads it, keeps to the same limits,
//     and names only settings that the program has.
//
// # Tests
//
// The tests of the settings' names run with all others. What builds images has
// the build tag image and needs root, Linux and buildah, no registry and no
// engine: the bases are made of the programs of the machine, and a container is
// started by the test itself, as an engine would, with namespaces, a read-only
// root and no capabilities.
package docker
