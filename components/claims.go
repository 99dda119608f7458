package components

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"weak"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/preflight"
)

// claims are the components of each program that runs, by the names that they have.
var claims = struct {
	sync.Mutex

	of map[weak.Pointer[pulumi.Context]]map[string]string
}{of: map[weak.Pointer[pulumi.Context]]map[string]string{}}

// claim reports names that another component of the same program has. Nothing at Cloudflare
// says so before the first update, in which one component would take the records of the
// other.
func claim(ctx *pulumi.Context, component string, found *preflight.Findings) error {
	claims.Lock()
	defer claims.Unlock()
	program := weak.Make(ctx)
	if claims.of[program] == nil {
		claims.of[program] = map[string]string{}
		runtime.AddCleanup(ctx, forgetClaims, program)
	}
	owners := claims.of[program]
	maps.DeleteFunc(owners, func(_, owner string) bool { return owner == component }) // its arguments may have changed
	var problems []error
	for _, host := range found.Hosts {
		name := found.ZoneIDs[host.Zone] + "/" + host.Name
		if owner := owners[name]; owner != "" {
			problems = append(problems, fmt.Errorf("%s: %s leads to component %s of the same program; remove it from one of the two", host.Argument, host.Name, owner))
			continue
		}
		owners[name] = component
	}
	return errors.Join(problems...)
}

// forgetClaims forgets a program that has ended.
func forgetClaims(program weak.Pointer[pulumi.Context]) {
	claims.Lock()
	defer claims.Unlock()
	delete(claims.of, program)
}
