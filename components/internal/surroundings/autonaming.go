package surroundings

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// autonamingKey is the engine's setting of how it names resources.
const autonamingKey = "pulumi:autonaming"

// naming says how resources are named, for all of them, those of a package, or those
// of a type.
type naming struct {
	Mode    string `json:"mode"`
	Pattern string `json:"pattern"`
}

// random matches what the engine replaces by something random in a pattern.
var random = regexp.MustCompile(`\$\{(hex|alphanum|string|num)\(\d+\)\}|\$\{uuid\}`)

// repeats reports whether a resource and its replacement would get the same name.
func (n naming) repeats() bool {
	return n.Mode == "verbatim" || n.Mode == "disabled" || n.Pattern != "" && !random.MatchString(n.Pattern)
}

func (n naming) set() bool { return n.Mode != "" || n.Pattern != "" }

// Autonaming reports a value of the engine's setting that turns the order of
// replacements around. types are those of the resources that have to be replaced new
// before old.
//
// If a resource and its replacement would get the same name, the engine deletes the
// old one first, with everything that depends on it. It does so even for resources
// that have names of their own, and no option of a resource prevents it.
func Autonaming(value string, types ...string) error {
	var all struct {
		naming

		Providers map[string]struct {
			naming

			Resources map[string]naming `json:"resources"`
		} `json:"providers"`
	}
	if value == "" || json.Unmarshal([]byte(value), &all) != nil {
		return nil // the engine refuses what it doesn't understand
	}
	affected := map[string]bool{} // types with entries of their own, and packages
	for _, kind := range types {
		name, _, _ := strings.Cut(kind, ":")
		effective, provider := all.naming, all.Providers[name]
		if provider.set() {
			effective = provider.naming
		}
		if own, ok := provider.Resources[kind]; ok {
			name, effective = kind, own
		}
		if effective.repeats() {
			affected[name] = true
		}
	}
	if len(affected) == 0 {
		return nil
	}
	return fmt.Errorf("%s: makes Pulumi delete resources of %s before it creates their replacements, so that requests would be lost; "+
		"all names are given here, so run: pulumi config rm %[1]s, or set the mode default for %[2]s below its providers",
		autonamingKey, strings.Join(slices.Sorted(maps.Keys(affected)), ", "))
}
