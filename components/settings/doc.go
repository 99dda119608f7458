// Package settings reads a stack's settings into tagged structs, and reports
// all that is wrong with them at once: values of the wrong type, misspelt
// fields, and settings that don't exist.
package settings
