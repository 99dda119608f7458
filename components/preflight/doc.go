// Package preflight asks Cloudflare what a program needs to know before it declares
// resources: the identifiers of zones and account, where the names lead so far, and
// whether the tunnel still exists.
//
// The provider can answer only part of that. It looks up records one type at a time
// and without their comments, finds tunnels by name only, and never notices that a
// tunnel was deleted. The package changes nothing, but for what an update asks for:
// [Client.RemoveLeftover] deletes a tunnel that an interrupted one has left behind, and
// [Client.TakeOver] points others' records at the tunnel.
package preflight
