// Package e2e drives the real Pulumi CLI against a fresh local world: the program as a user runs
// it, from `pulumi up` to a web request and to a destroy that leaves nothing.
//
// Each test is in the _test.go file that is named for it, with what that test alone needs. What
// tests share is in the other files: stack.go drives Pulumi, kubectl.go, pods.go and standins.go
// are about the cluster, cloudflare.go and requests.go about Cloudflare and its visitors.
//
// What needs root and the tools carries the build tag e2e:
//
//	make e2e
package e2e
