package components

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/internal/laststate"
	"k8s-tunnel/components/names"
)

// lastState is what the component knows of itself from the state, before it declares
// anything. What still awaits its deletion there isn't part of it.
type lastState struct {
	// identity is its random identity, or nothing before the first update.
	identity string
	// tunnelID is the ID of the tunnel that it had after the last update.
	tunnelID string
	// ownTunnel is the ID of the tunnel that it has made, even if the last update didn't
	// come to its end. ownSecret is that tunnel's secret.
	ownTunnel, ownSecret string
	// existing is the ID of the existing tunnel, which the component hasn't made, that it
	// has read.
	existing string
	// records are its records, by their logical names.
	records map[string]names.LastRecord
	// objects are its tunnel and its Kubernetes objects, by their logical names.
	objects map[string]lastObject
	// suffix ends its tunnel's name, and changes with suffixKeepers.
	suffix        string
	suffixKeepers laststate.Outputs
	// network is the value of labelNetwork of its connectors, and servedTunnel that of
	// labelTunnelID.
	network, servedTunnel string
	// replicas is how many of these there were, and peakReplicas how many there may have been.
	replicas, peakReplicas int
	// otherRecords are the stack's records that the component doesn't have, by their IDs at
	// Cloudflare: the URNs. otherIdentities are the identities of other components.
	otherRecords    map[string]string
	otherIdentities map[string]bool
}

// lastObject is an object's name, which is unique in its scope.
type lastObject struct {
	nameScope

	name string
}

// nameScope is what an object's name is unique in: its namespace, in the cluster of a
// provider, or its account if it is a tunnel.
type nameScope struct{ scope, provider string }

// readState reads the outputs of the component's own resources in the state. Those of
// its children are there even if the last update was interrupted.
func readState(ctx *pulumi.Context, p position) (lastState, error) {
	resources, err := laststate.Resources(ctx)
	if err != nil {
		return lastState{}, err
	}
	last := lastState{
		records: map[string]names.LastRecord{}, objects: map[string]lastObject{},
		otherRecords: map[string]string{}, otherIdentities: map[string]bool{},
	}
	own, component := map[string]bool{}, laststate.Outputs{}
	for _, former := range append(slices.Clip(p.former), p.name) {
		for urn, outputs := range p.ownResources(resources, former) {
			own[urn] = true
			kind, logicalName := kindAndName(urn)
			if role, child := strings.CutPrefix(logicalName, former+"-"); child {
				last.add(kind, role, p.name+"-"+role, outputs)
			} else {
				component = outputs
			}
		}
	}
	for urn, outputs := range resources {
		switch {
		case strings.Contains(urn, recordKind+"::") && !own[urn]:
			last.otherRecords[outputs.Text("id")] = urn
		case strings.Contains(urn, randomIDKind+"::") && strings.HasSuffix(urn, "-"+identityRole) && outputs.Text("hex") != last.identity:
			last.otherIdentities[outputs.Text("hex")] = true
		}
	}
	// An update that didn't come to its end hasn't told the component.
	last.tunnelID = cmp.Or(last.ownTunnel, component.Text("tunnelId"))
	last.recall(p.name, component.Text("namespace"), component.Text("deployment"))
	return last, nil
}

// recall adds the Deployment that the component's own outputs name, with its namespace, if
// nothing of what it has in the cluster is in the state any more. A refresh finds nothing in
// another cluster, and leaves the outputs as they are: back in the right one, the Deployment
// is taken over by its name, instead of getting another one beside it.
//
// With only the Deployment missing, its name isn't safe: it may be that of an older one,
// which still awaits its deletion.
func (s *lastState) recall(component, namespace, deployment string) {
	for _, role := range []string{deploymentRole, configRole, credentialsRole, policyRole, budgetRole} {
		if _, there := s.objects[logicalName(component, role)]; there || deployment == "" {
			return
		}
	}
	if s.identity != "" && strings.Contains(namespace, "-"+s.identity) { // else it wasn't the component's own
		s.objects[logicalName(component, namespaceRole)] = lastObject{name: namespace}
	}
	s.objects[logicalName(component, deploymentRole)] = lastObject{nameScope{scope: namespace}, deployment}
}

// ownResources are the component, under a name that it has or had, and its children.
func (p position) ownResources(resources map[string]laststate.Outputs, name string) map[string]laststate.Outputs {
	var longer []string // components whose names begin with that of this one
	for urn := range resources {
		if kind, component := kindAndName(urn); kind == "" && strings.HasPrefix(component, name+"-") {
			longer = append(longer, component)
		}
	}
	own := map[string]laststate.Outputs{}
	for urn, outputs := range resources {
		kind, logicalName := kindAndName(urn)
		// Other children's names end in what they are, but a record's in a host's name.
		ofLonger := func(component string) bool { return strings.HasPrefix(logicalName, component+"-") }
		switch {
		case !p.ownsURN(urn), kind == recordKind && (!names.IsLogicalName(name, logicalName) || slices.ContainsFunc(longer, ofLonger)):
		case strings.HasPrefix(logicalName, name+"-"), kind == "" && logicalName == name:
			own[urn] = outputs
		}
	}
	return own
}

// kindAndName takes a URN apart: into the type of a component's child and its logical name,
// or no type and the name of the component itself. Of any other resource it returns nothing.
func kindAndName(urn string) (kind, logicalName string) {
	_, resource, _ := strings.Cut(urn, CloudflareTunnelType)
	kind, logicalName, _ = strings.Cut(strings.TrimPrefix(resource, "$"), "::")
	return kind, logicalName
}

// Kinds of resources in the state, as URNs have them.
const (
	randomIDKind   = "random:index/randomId:RandomId"
	tunnelKind     = "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared"
	recordKind     = "cloudflare:index/record:Record"
	deploymentKind = "kubernetes:apps/v1:Deployment"
	autoscalerKind = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
)

func (s *lastState) add(kind, role, logicalName string, o laststate.Outputs) {
	switch {
	case kind == recordKind && o.Text("name") != "": // else it was released
		proxied, _ := o["proxied"].(bool)
		overwrite, known := o["allowOverwrite"].(bool)
		s.records[logicalName] = names.LastRecord{
			ID: o.Text("id"), ZoneID: o.Text("zoneId"), Name: o.Text("name"), Hostname: o.Text("hostname"),
			Content: o.Text("content"), Comment: o.Text("comment"), Proxied: proxied, AllowOverwrite: overwrite || !known,
		}
	case kind == randomIDKind && role == identityRole:
		s.identity = o.Text("hex")
	case kind == randomIDKind && role == suffixRole:
		s.suffix, s.suffixKeepers = o.Text("hex"), o.In("keepers")
	case kind == tunnelKind && role == existingTunnelRole:
		s.existing = path.Base(o.Text("id")) // it was read as account/ID
	case kind == tunnelKind && role == tunnelRole:
		s.objects[logicalName] = lastObject{nameScope{scope: o.Text("accountId")}, o.Text("name")}
		if o["secret"] != nil { // else it was forgotten
			s.ownTunnel, s.ownSecret = o.Text("id"), o.Text("secret")
		}
	case strings.HasPrefix(kind, "kubernetes:"):
		metadata := o.In("metadata")
		s.objects[logicalName] = lastObject{nameScope{metadata.Text("namespace"), metadata.In("annotations").Text(providerAnnotation)}, metadata.Text("name")}
	}
	switch {
	case kind == deploymentKind && role == deploymentRole:
		labels := o.In("spec").In("selector").In("matchLabels")
		s.network, s.servedTunnel = labels.Text(labelNetwork), labels.Text(labelTunnelID)
		s.replicas = o.In("spec").Number("replicas")
		s.peakReplicas = cmp.Or(s.peakReplicas, s.replicas)
	case kind == autoscalerKind && role == autoscalerRole:
		s.peakReplicas = o.In("spec").Number("maxReplicas") // which holds at once, whatever was recorded before
	}
}
