package toolchain

import (
	"fmt"
	"strings"
)

// Origin says where a tool comes from.
type Origin string

// The origins, in the order in which they are preferred for a plugin.
const (
	OriginPlaced     Origin = "placed"     // put into the world's own Pulumi directory by the user
	OriginYours      Origin = "yours"      // the user had it
	OriginDownloaded Origin = "downloaded" // Pulumi fetched it
	OriginBuilt      Origin = "built"      // from its Go module
)

// Tool is one tool as it was found or built.
type Tool struct {
	Name    string
	Version string // empty for tools without a version of their own
	Origin  Origin
	Path    string // the binary or, for a plugin that wasn't built here, its directory
	Why     string // why it was built here if another one would have been preferred
	plugin  string
}

// String describes the tool to people, without its name.
func (t Tool) String() string {
	switch t.Origin {
	case OriginPlaced:
		return "yours, put into " + t.Path
	case OriginYours:
		return "yours: " + t.Path
	case OriginDownloaded:
		return "downloaded"
	}
	if t.Why != "" {
		return "built here: " + t.Why
	}
	return "built here"
}

// Result says what Ensure has provided.
type Result struct {
	Root  string
	Tools []Tool
}

// Report gives one line for each tool: its name, its version and where it comes from.
func (r Result) Report() []string {
	names, width := make([]string, len(r.Tools)), 0
	for i, tool := range r.Tools {
		names[i] = strings.TrimSpace(tool.Name + " " + tool.Version)
		width = max(width, len(names[i]))
	}
	lines := make([]string, len(r.Tools))
	for i, tool := range r.Tools {
		lines[i] = fmt.Sprintf("%-*s  %s", width, names[i], tool)
	}
	return lines
}
