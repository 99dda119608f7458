// Package cloudflared is what the component knows of cloudflared, the
// connector of a Cloudflare Tunnel: its ingress rules, the services that they
// name, where these make it connect to, and the files that it reads.
//
// Its verdicts are those of cloudflared 2026.3.0. Tests compare them with the
// stock binary.
package cloudflared
