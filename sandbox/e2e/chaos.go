//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/handmade"
	"k8s-tunnel/sandbox/project"
)

// The objects that a connector consists of. One stack has one of each.
const connectorKinds = "deployments,configmaps,secrets,networkpolicies,poddisruptionbudgets"

// subject is the stack that TestChaos disturbs.
type subject struct {
	*stack
	namespace string // that it shares with neighbour; its own if empty
	neighbour *neighbour

	origin    string // the setting
	rotations int

	runs    []*run
	secrets map[string]string // all that its tunnels had, by description
}

// operation is a command that changes a stack. Each one begins with what the one before has left.
type operation struct {
	name   string
	change map[string]func(*subject) string // the settings that the command applies
	args   []string
	gone   bool // nothing is left afterwards
}

var operations = []operation{
	{name: "create", args: []string{"up", "--yes", "--skip-preview"}},
	{name: "rotate", args: []string{"up", "--yes", "--skip-preview"}, change: map[string]func(*subject) string{
		"rotation": func(s *subject) string {
			s.rotations++
			return fmt.Sprintf("r%d", s.rotations)
		},
	}},
	{name: "origin", args: []string{"up", "--yes", "--skip-preview"}, change: map[string]func(*subject) string{
		"origin": func(s *subject) string {
			if s.origin == handmade.Origin {
				s.origin = project.OtherOrigin
			} else {
				s.origin = handmade.Origin
			}
			return s.origin
		},
	}},
	{name: "destroy", args: []string{"destroy", "--yes", "--skip-preview"}, gone: true},
}

// newSubject makes the stack. Nothing is deployed yet.
func newSubject(t *testing.T, name, namespace string) *subject {
	t.Helper()
	s := &subject{namespace: namespace, origin: handmade.Origin, secrets: map[string]string{"the API token": state.SeedToken}}
	s.stack = newStack(t, name, map[string]string{"replicas": "1", "namespace": namespace})
	return s
}

// prepare changes the settings that an operation is about.
func (s *subject) prepare(t *testing.T, o operation) {
	t.Helper()
	for key, value := range o.change {
		s.set(t, key, value(s))
	}
}

// keepsSecrets requires that no command, however it ended, has shown a secret or kept one in plain text.
func (s *subject) keepsSecrets(t *testing.T) {
	t.Helper()
	for _, r := range s.runs {
		requireNoSecrets(t, strings.Join(r.cmd.Args, " "), r.out.Bytes(), s.secrets)
	}
	requireNoSecretsKept(t, s.secrets)
}

// tunnelName begins the names of all that the stack creates.
func (s *subject) tunnelName() string { return "k8s-tunnel-" + s.Name }

// selector selects the stack's objects.
func (s *subject) selector() string { return "app.kubernetes.io/instance=" + s.tunnelName() }

// abandon removes the stack with everything that it has left behind, after a disturbance that it
// didn't cope with.
func (s *subject) abandon(t *testing.T) {
	t.Helper()
	_ = testWorld.Control().SetFaults(context.Background())
	_, _ = s.pulumi("cancel", "--yes")
	_, _ = s.pulumi("destroy", "--yes", "--skip-preview")
	_, _ = s.pulumi("stack", "rm", "--force", "--yes", "--preserve-config")
	kubectl(t, "delete", "namespaces", "-l", s.selector())
	kubectl(t, "delete", connectorKinds, "-A", "-l", s.selector())
	for _, record := range s.records(t) {
		require.NoError(t, testWorld.DeleteAtCloudflare(t.Context(), "/zones/"+record.ZoneID+"/dns_records/"+record.ID))
	}
	for _, tunnel := range s.tunnels(t) {
		require.NoError(t, testWorld.DeleteAtCloudflare(t.Context(), "/accounts/"+state.SeedAccountID+"/cfd_tunnel/"+tunnel.ID.String()+"?cascade=true"))
	}
}

// neighbour is another stack in the namespace, which must not notice anything.
type neighbour struct {
	*stack
	before string
}

func newNeighbour(t *testing.T, namespace string) *neighbour {
	t.Helper()
	n := &neighbour{stack: newStack(t, "neighbour", map[string]string{
		"domain": state.LabZoneName, "origin": project.OtherOrigin, "replicas": "1", "namespace": namespace,
	})}
	n.up(t)
	requireConnectors(t, n.output(t, "tunnelId"), 1)
	n.before = n.describe(t, namespace)
	return n
}

// describe says what the neighbour consists of.
func (n *neighbour) describe(t *testing.T, namespace string) string {
	t.Helper()
	var out strings.Builder
	out.WriteString(kubectl(t, "-n", namespace, "get", connectorKinds+",pods", "-l", "app.kubernetes.io/instance=k8s-tunnel-neighbour",
		"--sort-by=.metadata.uid", "-o", `jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.uid} {.metadata.generation}{"\n"}{end}`))
	current := currentState(t)
	for _, tunnel := range current.Live() {
		if strings.HasPrefix(tunnel.Name, "k8s-tunnel-neighbour") {
			fmt.Fprintln(&out, tunnel.Name, tunnel.ID, len(tunnel.Connections))
		}
	}
	for _, record := range current.Records {
		if record.ZoneID == state.LabZoneID {
			fmt.Fprintln(&out, record.ID, record.Name, record.Content, record.Comment, record.ModifiedOn)
		}
	}
	status, body := get(t, state.LabZoneName, "/")
	fmt.Fprintln(&out, status, len(body) > 0)
	return out.String()
}

// keepsGoing reports whether the test goes on after a disturbance that the stack didn't cope with.
func keepsGoing() bool { return os.Getenv("KEEP_GOING") != "" }

// patience is how long a command may take.
const patience = 4 * time.Minute
