// Package components has the building block of this project: a Pulumi component
// resource that exposes a Kubernetes cluster to the internet through a
// Cloudflare Tunnel.
//
// The package takes no arguments from stack configuration or environment, and
// creates no providers: a program does that and passes the providers on, so that
// the component can be used in any program. It only refuses surroundings in which
// it couldn't keep its promises. What doesn't need Pulumi is in packages of its
// own, which compile without its SDKs: cloudflared, names, preflight, settings, and
// most of those below internal, which other programs can't import.
package components
