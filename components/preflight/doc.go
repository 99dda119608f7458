// Package preflight asks Cloudflare, before anything is planned, what a program
// has to know to plan well: which zones and which account are meant, what the
// names lead to until now, and whether the tunnel still exists.
//
// The provider answers only a part of that. It looks a record up by one type at a
// time, without its comment, finds tunnels by name alone, and never notices that a
// tunnel was deleted. What is asked here is only read; all changes are the
// engine's.
package preflight
