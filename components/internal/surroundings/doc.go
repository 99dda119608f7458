// Package surroundings judges what reaches a program from outside of its own
// settings: variables of the shell that the providers read by themselves, and
// settings of Pulumi's engine.
package surroundings
