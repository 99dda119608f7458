package surroundings

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"k8s-tunnel/components/preflight"
)

// Environment looks up a variable of the shell, as os.LookupEnv does.
type Environment func(name string) (value string, set bool)

// Shell is the environment of this process.
func Shell() Environment { return os.LookupEnv }

// get returns the value of a variable, which is empty if it is unset.
func (e Environment) get(name string) string {
	value, _ := e(name)
	return value
}

// API returns where Cloudflare's API is, as the Cloudflare provider finds out: by its
// settings, which may be empty, or else by variables. Problems name the one that counts.
//
// Variables aren't turned into inputs, because those are recorded in the state, and
// the next shell may have others.
func (e Environment) API(hostname, basePath string) (effectiveHostname, effectiveBasePath string, err error) {
	var problems []error
	or := func(setting, value, variable string) (effective, name string) {
		if value != "" {
			return value, setting
		}
		value, set := e(variable)
		if set && value == "" {
			problems = append(problems, fmt.Errorf("%s: is set in the environment, but empty, which the Cloudflare provider takes for its value; unset it", variable))
		}
		return value, variable
	}
	hostname, host := or("cloudflare:apiHostname", hostname, "CLOUDFLARE_API_HOSTNAME")
	basePath, path := or("cloudflare:apiBasePath", basePath, "CLOUDFLARE_API_BASE_PATH")
	api := preflight.Options{APIHostname: hostname, APIBasePath: basePath}
	return hostname, basePath, errors.Join(append(problems, api.Validate(host, path))...)
}

// Problems reports variables with which the Cloudflare provider would use other
// credentials than the API token in its inputs, or none. Inputs can override a
// credential by another one of the same kind, but they can't leave one out.
func (e Environment) Problems() error {
	var problems []error
	if e.get("CLOUDFLARE_API_USER_SERVICE_KEY") != "" {
		problems = append(problems, errors.New("CLOUDFLARE_API_USER_SERVICE_KEY: is set in the environment, and the Cloudflare provider would use it instead of the API token; unset it"))
	}
	if e.get("CLOUDFLARE_API_KEY") != "" && e.get("CLOUDFLARE_EMAIL") == "" {
		problems = append(problems, errors.New("CLOUDFLARE_API_KEY: is set in the environment without CLOUDFLARE_EMAIL, which the Cloudflare provider refuses even though it doesn't need them beside the API token; unset it"))
	}
	return errors.Join(problems...)
}

// ForgetsUnreachable reports whether the command is to forget what is in a cluster that it
// can't reach.
func (e Environment) ForgetsUnreachable() bool {
	return e.get("PULUMI_K8S_DELETE_UNREACHABLE") == "true"
}

// quietLevels are the levels with which the Cloudflare provider doesn't log what it sends
// and receives. Terraform's SDK takes any that it doesn't know, such as off, for TRACE. It
// ignores case, but not blanks.
var quietLevels = []string{"", "INFO", "WARN", "ERROR"}

// Warnings are about variables that do more than they seem to.
func (e Environment) Warnings() []string {
	var all []string
	warn := func(variable, format string, values ...any) {
		all = append(all, variable+": "+fmt.Sprintf(format, values...))
	}
	if level := e.get("TF_LOG"); !slices.Contains(quietLevels, strings.ToUpper(level)) {
		warn("TF_LOG", "is %q in the environment, with which the output of pulumi --debug shows the tunnel's secret; unset it, and set rotation to a new label if others can read such output", level)
	}
	if e.get("PULUMI_DEBUG_GRPC") != "" {
		warn("PULUMI_DEBUG_GRPC", "is set in the environment, so that Pulumi writes all secrets to a file in plain text; unset it, and delete the file")
	}
	if skip := e.get("PULUMI_SKIP_CHECKPOINTS"); skip == "1" || strings.EqualFold(skip, "true") {
		warn("PULUMI_SKIP_CHECKPOINTS", "is set in the environment, so that the state isn't saved before the end, and an update that is killed can't be completed; unset it")
	}
	return all
}
