//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/load"
	"k8s-tunnel/sandbox/project"
)

// TestEnvironments keeps three environments in one zone: one has the zone and its wildcard, one has
// single names, and one has a name below the zone with its wildcard, in a namespace that exists.
func TestEnvironments(t *testing.T) {
	share(t)
	const dev, grafana, below = "dev." + state.HomeZoneName, "grafana-dev." + state.HomeZoneName, "lab." + state.HomeZoneName
	namespaceFor(t, "environments")
	prod := newStack(t, "env-prod", map[string]string{"replicas": "1"})
	single := newStack(t, "env-dev", map[string]string{"replicas": "1", "domain": "", "origin": project.OtherOrigin})
	single.set(t, "hostnames[0]", dev)
	single.set(t, "hostnames[1]", grafana)
	lab := newStack(t, "env-lab", map[string]string{"replicas": "1", "domain": below, "origin": project.OtherOrigin, "namespace": "environments"})
	for _, s := range []*stack{prod, single, lab} {
		s.up(t)
	}
	lab.up(t, "--expect-no-changes")
	requireEach := func(t *testing.T) {
		t.Helper()
		requireApps(t)
		for _, host := range []string{dev, grafana, below, "any." + below} {
			requireAnswerFrom(t, host, "hello")
		}
	}
	requireEach(t)
	requireUnknown := func(t *testing.T, host string) {
		t.Helper()
		status, _ := get(t, host, "/")
		require.Equal(t, http.StatusNotFound, status, "the wildcard leads to the ingress controller, which doesn't know %s", host)
	}
	requireUnknown(t, "other."+state.HomeZoneName)

	hosts := map[*stack]string{prod: testWorld.AppHosts()[1], single: dev, lab: "any." + below}
	// alone changes one environment, and requires that the others stay what they are, and lose no request.
	alone := func(t *testing.T, s *stack, change func()) {
		t.Helper()
		before := othersThan(t, s)
		others := maps.Clone(hosts)
		delete(others, s)
		requests := load.Start(testWorld.FrontAddr(), slices.Collect(maps.Values(others)), "change")
		change()
		report := requests.Stop()
		var text strings.Builder
		require.NoError(t, report.Write(&text))
		require.Zero(t, report.Failed(), text.String())
		require.Equal(t, before, othersThan(t, s))
	}

	t.Run("changes touch no other environment", func(t *testing.T) {
		for _, s := range []*stack{single, prod} {
			alone(t, s, func() {
				s.set(t, "pod.resources.limits.memory", "192Mi")
				s.up(t)
				s.set(t, "rotation", "next")
				s.up(t)
			})
			requireEach(t)
		}
	})
	t.Run("a name moves from the domain to the list and back", func(t *testing.T) {
		before := records(t)
		lab.set(t, "hostnames[0]", below)
		lab.set(t, "hostnames[1]", "*."+below)
		lab.up(t)
		lab.unset(t, "domain")
		lab.up(t)
		require.Equal(t, before, records(t))
		requireEach(t)
	})
	t.Run("each is destroyed by itself", func(t *testing.T) {
		alone(t, single, func() { single.mustPulumi(t, "destroy", "--yes", "--skip-preview") })
		delete(hosts, single)
		requireUnknown(t, dev)
		requireApps(t)
		alone(t, prod, func() { prod.mustPulumi(t, "destroy", "--yes", "--skip-preview") })
		requireAnswerFrom(t, "any."+below, "hello")
		lab.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		require.Empty(t, currentState(t).Records)
		require.Empty(t, live(t))
	})
}

// othersThan describes what stacks other than this one have at Cloudflare and in the cluster.
func othersThan(t *testing.T, s *stack) []string {
	t.Helper()
	var all []string
	for _, record := range currentState(t).Records {
		if !strings.Contains(record.Comment, "/"+s.Name+" ") {
			all = append(all, fmt.Sprint(record.ID, record.Name, record.Content, record.Comment, record.ModifiedOn))
		}
	}
	for _, tunnel := range live(t) {
		if !strings.Contains(tunnel.Name, s.Name) {
			all = append(all, tunnel.Name)
		}
	}
	objects := kubectl(t, "get", connectorKinds+",pods", "-A", "-l", connectors+",app.kubernetes.io/instance!=k8s-tunnel-"+s.Name,
		"--sort-by=.metadata.uid", "-o", `jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.uid} {.metadata.generation}{"\n"}{end}`)
	return append(all, objects)
}
