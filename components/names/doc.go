// Package names is what the component knows of the names that lead to a
// cluster: the zones that they lie in, and their records at Cloudflare.
package names
