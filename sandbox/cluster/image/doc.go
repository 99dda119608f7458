// Package image makes the local world's container images out of static binaries.
//
// It replaces an image build: there is no daemon, no base image and no registry. Each image is a
// few files in an OCI image layout, packed as the tar that ctr images import takes. The same input
// always gives the same bytes, so a digest says whether anything changed.
//
// The cloudflared image has the name, tag, user, entrypoint and environment of Cloudflare's own
// (the Dockerfile of cloudflared 2026.3.0, on gcr.io/distroless/base-debian13:nonroot), so that a
// Deployment written for that image runs unchanged. It lacks a C library and time zones, which a
// static Go binary doesn't need, and its trust store holds only the sandbox's CA, which signs
// everything in the local world.
package image
