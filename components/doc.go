// Package components holds the building block of this project: a Pulumi
// component resource that exposes a Kubernetes cluster to the internet through
// a Cloudflare Tunnel.
//
// The package reads no stack configuration and no environment and builds no
// provider: a program does that and hands the providers over, so that the
// component can be used in any program. What is pure in it (validation,
// defaults, labels, cloudflared's configuration) knows nothing of Pulumi.
package components
