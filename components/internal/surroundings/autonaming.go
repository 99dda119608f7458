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
// replacements around. packages are those whose resources have to be replaced new
// before old.
//
// If a resource and its replacement would get the same name, the engine deletes the
// old one first, with everything that depends on it. It does so even for resources
// that have names of their own, and no option of a resource prevents it.
func Autonaming(value string, packages ...string) error {
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
	var affected []string
	judge := func(what string, n naming) {
		if n.repeats() {
			affected = append(affected, what)
		}
	}
	for _, name := range slices.Sorted(slices.Values(packages)) {
		effective, own := all.naming, all.Providers[name]
		if own.set() {
			effective = own.naming
		}
		judge(name, effective)
		for _, kind := range slices.Sorted(maps.Keys(own.Resources)) {
			judge(kind, own.Resources[kind])
		}
	}
	if len(affected) == 0 {
		return nil
	}
	return fmt.Errorf("%s: makes Pulumi delete resources of %s before it creates their replacements, so that requests would be lost; "+
		"all names are given here, so run: pulumi config rm %[1]s, or set the mode default for %[3]s below its providers",
		autonamingKey, strings.Join(affected, ", "), strings.Join(slices.Sorted(slices.Values(packages)), ", "))
}
