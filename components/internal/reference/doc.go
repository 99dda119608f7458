// Package reference writes the reference of a program's settings from the source
// of the structs that they are read into: the names from their tags, the types
// from their fields, meaning and default from their comments.
//
// A comment begins with its field's Go name, as usual, which the reference leaves
// out: "Replicas is the number of connectors" becomes "The number of connectors".
// The sentences "Required." and "Defaults to X." become a column of their own.
// Links in brackets, as go doc knows them, are replaced: a constant by its
// value, a field by its setting's name.
package reference
