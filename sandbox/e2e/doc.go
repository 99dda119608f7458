// Package e2e drives the real Pulumi CLI against a fresh local world: the
// program as a user runs it, from `pulumi up` to a web request and to a destroy
// that leaves nothing.
//
// The tests carry the build tag e2e, because they need root and the tools:
//
//	make e2e
package e2e
