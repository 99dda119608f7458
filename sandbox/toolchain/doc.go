// Package toolchain provides the real tools that the local world consists of: Pulumi with its
// language host and plugins, cloudflared, the parts of a Kubernetes node, and the linters.
//
// Each is either what the user has already, where its version fits, or what Pulumi can download, or
// a build of its Go module at an exact version. There is one nested Go module for each set of tools
// that have the same dependencies; their go.mod and go.sum are the only place where versions are
// chosen. Tools that are built as they are have theirs in the modules folder, which holds no code.
// Programs that are written here lie beside this package: sandbox/plugins has what Pulumi would
// download, sandbox/node what a Kubernetes node runs. A finished binary lies in the clone's ignored
// folder beside a key made of all that went into it, so nothing is built twice and nothing stale is
// ever used.
//
// It is like a package manager in that it knows recipes and versions, and unlike one in that nothing
// is installed: the user's own Pulumi folder and Go settings are read and never written. The one
// exception are two Debian packages that no Go module can replace, and it says when it adds them.
package toolchain
