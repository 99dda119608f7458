package components

import (
	"cmp"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/internal/surroundings"
)

// checkRoom reports a change that brings up a second set of connectors beside the one so
// far, for which the tunnel that is to have both has no room: the new ones would never
// all get ready. What the connectors may reach isn't such a change, see networkLabel.
func (a *CloudflareTunnelArgs) checkRoom(f *found) error {
	deployment := f.lastOf(deploymentRole)
	setting, most := a.mostReplicas()
	remedy := fmt.Sprintf("take this back, set %s to %d and run pulumi up first", setting, min(most, maxConnectors/2))
	switch {
	case deployment.name == "":
		return nil
	case deployment.scope != cmp.Or(a.Namespace, f.lastOf(namespaceRole).name):
		return a.room(f, "namespace: another one", remedy)
	case !deployment.hasName(a.TunnelName + "-" + deploymentRole):
		// With an existing tunnel.
		return a.room(f, "tunnelName: another one (unset, it follows from a name that may have changed, such as the stack's)", remedy)
	}
	return nil
}

// checkProvider is checkRoom for another Kubernetes provider. Its ID is known only when
// the engine has replaced it, which can't be taken back, but before it has made anything.
func (a *CloudflareTunnelArgs) checkProvider(f *found, id pulumi.StringOutput) pulumi.StringOutput {
	setting, _ := a.mostReplicas()
	remedy := fmt.Sprintf("set %s to %d for this update", setting, maxConnectors-f.last.peakReplicas)
	return id.ApplyT(func(id string) (string, error) {
		if f.lastOf(deploymentRole).elsewhere(id) && !surroundings.Shell().ForgetsUnreachable() {
			return id, a.room(f, "the Kubernetes provider: another cluster, or another address of the same one,", remedy)
		}
		return id, nil
	}).(pulumi.StringOutput)
}

// room says that the tunnel has no room for a second set of connectors, unless it has, or
// they are to serve another one. cause is what asks for them.
func (a *CloudflareTunnelArgs) room(f *found, cause, remedy string) error {
	most := peakReplicas(a)
	if most+f.last.peakReplicas <= maxConnectors || !a.keepsTunnel(f) {
		return nil
	}
	return fmt.Errorf("%s means new connectors beside the old ones, but a tunnel has room for %d, not for %d and %d; %s", cause, maxConnectors, f.last.peakReplicas, most, remedy)
}

// mostReplicas is peakReplicas with the setting that it follows from.
func (a *CloudflareTunnelArgs) mostReplicas() (setting string, most int) {
	if a.Autoscaling != nil {
		return "autoscaling.maxReplicas", peakReplicas(a)
	}
	return "replicas", peakReplicas(a)
}

// keepsTunnel reports whether the connectors are to serve the tunnel that they have served
// so far.
func (a *CloudflareTunnelArgs) keepsTunnel(f *found) bool {
	if a.ExistingTunnel != "" {
		return a.ExistingTunnel == f.last.servedTunnel
	}
	for keeper, value := range suffixKeepers(a) {
		if f.last.suffixKeepers.Text(keeper) != value {
			return false
		}
	}
	tunnel := f.lastOf(tunnelRole)
	return f.last.ownTunnel == f.last.servedTunnel && f.Deleted == nil && !f.Remote &&
		tunnel.scope == f.AccountID && tunnel.hasName(tunnelNamePrefix(a)+"-"+f.last.suffix)
}

// lastOf is the object with a role after the last update.
func (f *found) lastOf(role string) lastObject {
	return f.last.objects[logicalName(f.position.name, role)]
}
