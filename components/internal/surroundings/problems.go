package surroundings

import "errors"

// Replaced are the types of the resources that have to be replaced new before old: all that
// the component and the program create, but for the records, which are deleted first in any
// case. What is only read isn't replaced.
var Replaced = []string{
	"cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared",
	"kubernetes:apps/v1:Deployment",
	"kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
	"kubernetes:core/v1:ConfigMap",
	"kubernetes:core/v1:Namespace",
	"kubernetes:core/v1:Secret",
	"kubernetes:monitoring.coreos.com/v1:PodMonitor",
	"kubernetes:networking.k8s.io/v1:NetworkPolicy",
	"kubernetes:policy/v1:PodDisruptionBudget",
	"pulumi:providers:cloudflare",
	"pulumi:providers:kubernetes",
	"pulumi:providers:random",
	"random:index/randomId:RandomId",
	"random:index/randomPassword:RandomPassword",
}

// Stack is a stack's configuration, the engine's own settings included. A Pulumi
// program's context is one.
type Stack interface {
	GetConfig(key string) (string, bool)
}

// Problems reports everything around a program with which it couldn't do what it
// promises.
func Problems(shell Environment, stack Stack) error {
	autonaming, _ := stack.GetConfig(autonamingKey)
	return errors.Join(shell.Problems(), Autonaming(autonaming, Replaced...))
}
