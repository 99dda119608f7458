package toolchain

import (
	"cmp"
	"fmt"
)

// Origin says where a tool comes from.
type Origin string

// The origins, in the order in which they are preferred for a plugin.
const (
	OriginPlaced     Origin = "placed"     // lies in the world's own Pulumi folder, put there by somebody else
	OriginYours      Origin = "yours"      // the user had it
	OriginDownloaded Origin = "downloaded" // Pulumi fetched it
	OriginBuilt      Origin = "built"      // from its Go module
)

// Tool is one tool as it was found or made.
type Tool struct {
	Name    string
	Version string // may be empty for what has no version of its own
	Origin  Origin
	Path    string // the binary; of a plugin that wasn't built here, its folder
	Why     string // why it was built here, where another one would have been preferred
	plugin  string
}

// String is a line for people, without the name.
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
	Bin   string // to be put at the front of PATH
	Tools []Tool
}

// Tool finds one by its name in the report.
func (r Result) Tool(name string) (Tool, bool) {
	for _, tool := range r.Tools {
		if tool.Name == name {
			return tool, true
		}
	}
	return Tool{}, false
}

// Report gives one line for each tool: its name, its version and where it comes from.
func (r Result) Report() []string {
	width := 0
	for _, tool := range r.Tools {
		width = max(width, len(tool.Name)+len(tool.Version))
	}
	lines := make([]string, len(r.Tools))
	for i, tool := range r.Tools {
		padding := width - len(tool.Name) - len(tool.Version)
		lines[i] = fmt.Sprintf("%s %s%*s  %s", tool.Name, cmp.Or(tool.Version, " "), padding, "", tool)
	}
	return lines
}
