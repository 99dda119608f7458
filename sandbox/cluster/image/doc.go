// Package image makes the local world's container images out of static binaries.
//
// It does the work of an image build without one: no daemon, no base image, no
// registry. Each image is a few files in an OCI image layout, packed as the tar that
// ctr images import takes. The same input always gives the same bytes, so a
// digest says whether anything changed.
//
// The cloudflared image has the name, the tag, the user, the entrypoint and the surroundings of
// Cloudflare's own (the Dockerfile of cloudflared 2026.3.0, on
// gcr.io/distroless/base-debian13:nonroot), so that a Deployment written for that one runs
// unchanged. It differs in what it lacks, a C library and time zones, which a static Go binary
// doesn't miss, and in its trust store, which holds the sandbox's CA alone: nothing in the local
// world is signed by anybody else.
package image
