package components

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"weak"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/internal/surroundings"
	"k8s-tunnel/components/preflight"
)

// APIArgs say how to reach Cloudflare's API, as the Cloudflare provider does: the
// component checks names and tunnel before it declares them.
type APIArgs = preflight.Options

// ErrTokenRefused says that Cloudflare doesn't accept the API token.
var ErrTokenRefused = preflight.ErrTokenRefused

// identifierPattern matches the identifiers of Cloudflare's zones and accounts.
var identifierPattern = regexp.MustCompile(`^[0-9a-f]{32}$`)

// validateIdentifier checks an identifier that may be unset.
func validateIdentifier(path string, input pulumi.StringInput) error {
	switch value := input.(type) {
	case nil:
		return nil
	case pulumi.String:
		if !identifierPattern.MatchString(string(value)) {
			return fmt.Errorf("%s: %q is not an identifier of 32 digits and letters from a to f; copy it from the zone's overview in Cloudflare's dashboard, or remove it", path, value)
		}
		return nil
	}
	return fmt.Errorf("%s: has to be a pulumi.String, because it is checked before anything is declared; leave it out to have it looked up", path)
}

func identifier(input pulumi.StringInput) string {
	value, _ := input.(pulumi.String)
	return string(value)
}

// CallsPerSecond is the pace at which to call Cloudflare's API, for the provider's
// argument Rps: [preflight.Pace] for the number of names, unless API says otherwise.
// After Check, the names that the stack has so far count as well: their records may
// have to be deleted.
func (a *CloudflareTunnelArgs) CallsPerSecond() int {
	count := len(a.names().Hosts())
	if a.found != nil {
		count = max(count, len(a.found.last.records))
	}
	pace := preflight.Pace(count)
	if a.API == nil {
		return pace
	}
	return cmp.Or(a.API.RPS, pace)
}

// found is what Cloudflare and the state know of the arguments.
type found struct {
	*preflight.Findings
	client *preflight.Client
	last   lastState
	checkKey
}

// checkKey is what the findings depend on, so that a change of it makes them invalid.
type checkKey struct {
	position position
	request  preflight.Request // without what the state adds
	options  APIArgs           // as they were given
	program  weak.Pointer[pulumi.Context]
}

// Check validates the arguments of a component with this name, and asks Cloudflare
// for the identifiers that aren't set, whether the component can have the names, and
// whether it still has its tunnel. It changes nothing.
//
// NewCloudflareTunnel does the same. A program calls Check before it declares other
// resources, so that nothing is declared if there are problems. The result is kept in the
// arguments, and NewCloudflareTunnel uses it instead of asking again, unless the arguments
// that it depends on have changed in between, or it is another run of the program. A
// component with aliases or a parent needs the same options here.
func (a *CloudflareTunnelArgs) Check(ctx *pulumi.Context, name string, opts ...pulumi.ResourceOption) error {
	options, err := pulumi.NewResourceOptions(opts...)
	if err != nil {
		return fmt.Errorf("reading the options of component %s: %w", name, err)
	}
	args, err := a.complete(name)
	if err != nil {
		return err
	}
	a.found, err = args.check(ctx, name, options)
	return err
}

// complete returns valid arguments of a component with this name, with defaults.
func (a *CloudflareTunnelArgs) complete(name string) (*CloudflareTunnelArgs, error) {
	var unnamed error
	if err := validateTunnelName("tunnelName", name); err != nil && a.TunnelName == "" {
		unnamed = fmt.Errorf("%w; it is not set, and defaults to the component's name", err)
		name = anyName
	}
	args := a.withDefaults(name)
	return args, errors.Join(unnamed, args.validate(), validateAPI("api", args.API))
}

// check is Check for valid arguments with defaults. What surrounds the program has to be
// right as well.
func (a *CloudflareTunnelArgs) check(ctx *pulumi.Context, name string, options *pulumi.ResourceOptions) (*found, error) {
	position, err := positionOf(ctx, name, options)
	if err != nil {
		return nil, err
	}
	key := checkKey{position, preflight.Request{
		Names: a.names(), ZoneID: identifier(a.ZoneID), AccountID: identifier(a.AccountID), Stack: ctx.Project() + "/" + ctx.Stack(),
		AllowTakeover: a.AllowTakeover, ExistingTunnel: a.ExistingTunnel,
	}, *a.API, weak.Make(ctx)}
	if a.found != nil && reflect.DeepEqual(a.found.checkKey, key) {
		return a.found, a.checkRoom(a.found)
	}
	if err := ctx.RequirePulumiVersion(">=" + OldestPulumi); err != nil {
		return nil, fmt.Errorf("the component needs Pulumi %s or later, see https://www.pulumi.com/docs/install/: %w", OldestPulumi, err)
	}
	if err := surroundings.Problems(surroundings.Shell(), ctx); err != nil {
		return nil, err
	}
	api := *a.API
	api.RPS = a.CallsPerSecond()
	client, err := preflight.New(api)
	if err != nil {
		return nil, err
	}
	last, err := readState(ctx, position)
	if err != nil {
		return nil, err
	}
	request := key.request
	request.Identity, request.LastRecords = last.identity, last.records
	request.LastTunnel, request.ReadTunnel, request.OwnTunnel = last.tunnelID, last.existing, last.ownTunnel
	request.OtherRecords, request.OtherIdentities = last.otherRecords, last.otherIdentities
	findings, err := client.Check(ctx.Context(), request)
	if err != nil {
		return nil, err
	}
	if err := claim(ctx, position.String(), findings); err != nil {
		return nil, err
	}
	all := &found{findings, client, last, key}
	return all, a.checkRoom(all)
}

// identified returns a copy of the arguments with the identifiers that were found.
func (a CloudflareTunnelArgs) identified(found *found) *CloudflareTunnelArgs {
	a.found, a.hosts = found, found.Hosts
	a.AccountID = pulumi.String(found.AccountID)
	a.ZoneID = pulumi.String(found.ZoneIDs[found.Hosts[0].Zone])
	return &a
}

// zonesBesideDomain are the identifiers of the zones that the first name doesn't lie
// in, by name.
func (a *CloudflareTunnelArgs) zonesBesideDomain() map[string]pulumi.StringInput {
	zones := map[string]pulumi.StringInput{}
	for _, host := range a.hosts {
		if host.Zone != a.hosts[0].Zone {
			zones[host.Zone] = pulumi.String(a.found.ZoneIDs[host.Zone])
		}
	}
	return zones
}
