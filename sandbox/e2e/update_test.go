//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/load"
	"k8s-tunnel/sandbox/project"
)

// TestUpdate_FromTheVersionBefore deploys a stack with an older version of the program, and updates
// it with this one under load: no request may fail, and a second update finds nothing to change.
// With UNCHANGED set, the first one mustn't either. It runs only if BEFORE gives the directory of a
// checkout of the older version.
func TestUpdate_FromTheVersionBefore(t *testing.T) {
	before := os.Getenv("BEFORE")
	if before == "" {
		t.Skip("make update-from runs it")
	}
	apply(t, podMonitorDefinition)
	kubectl(t, "wait", "--for=condition=Established", "crd/podmonitors.monitoring.coreos.com", "--timeout=30s")
	for name, settings := range map[string]string{"many settings": manySettings, "sparse blocks": sparseBlocks} {
		t.Run(name, func(t *testing.T) {
			updateUnderLoad(t, before, strings.NewReplacer("HOME", state.HomeZoneName, "LAB", state.LabZoneName).Replace(settings))
		})
	}
}

func updateUnderLoad(t *testing.T, before, settings string) {
	t.Helper()
	s := newStack(t, "update", nil)
	s.settings(t, settings)
	older := s.withProgramOf(t, before)
	older.up(t)
	older.up(t, "--expect-no-changes") // or the older version itself isn't idempotent
	requireApps(t)
	deployed := takeInventory(t, s)
	if os.Getenv("UNCHANGED") != "" {
		s.mustPulumi(t, "preview", "--expect-no-changes", "--diff")
		forgetCalls(t)
		s.up(t, "--expect-no-changes")
		requireOnlyReads(t)
		require.Equal(t, deployed, takeInventory(t, s))
	}

	generator := load.Start(testWorld.FrontAddr(), testWorld.AppHosts(), "before")
	time.Sleep(5 * time.Second)
	generator.Phase("update")
	out := s.mustPulumi(t, "up", "--yes", "--skip-preview")
	_, summary, _ := strings.Cut(out, "Resources:")
	t.Logf("the update:%s", summary)
	generator.Phase("after")
	// The previous connectors leave, with requests that they still have.
	time.Sleep(time.Minute)
	report := generator.Stop()
	var text strings.Builder
	require.NoError(t, report.Write(&text))
	fmt.Println(text.String())
	require.Zero(t, report.Failed())
	s.up(t, "--expect-no-changes")
	requireApps(t)
}

// sparseBlocks leave most fields of each block unset.
const sparseBlocks = `
config:
  k8s-tunnel:replicas: 1
  k8s-tunnel:ingress:
    - { hostname: photos.HOME, service: http://photos.apps }
  k8s-tunnel:originRequest: { noHappyEyeballs: true }
  k8s-tunnel:pod: { tolerations: [{ operator: Exists }] }
  k8s-tunnel:networkPolicy: { metricsFrom: [apps] }
  k8s-tunnel:autoscaling: { maxReplicas: 2 }
  k8s-tunnel:monitoring: { podMonitor: {}, dashboard: { namespace: apps } }
`

// manySettings use every block of settings, so that each kind of resource exists. The older version
// has to know them all: it refuses unknown ones.
const manySettings = `
config:
  k8s-tunnel:tunnelName: many-settings
  k8s-tunnel:rotation: "2026-11"
  k8s-tunnel:replicas: 2
  k8s-tunnel:ingress:
    - { hostname: wiki.HOME, path: ^/new, service: http://hello.apps, originRequest: { httpHostHeader: HOME } }
    - { hostname: nas.HOME, service: "http://nas.home.lan:5000", originRequest: { noTLSVerify: true } }
    - { hostname: "*.LAB", service: "http_status:410" }
  k8s-tunnel:originRequest: { connectTimeout: 10s, keepAliveConnections: 50 }
  k8s-tunnel:zones: [LAB]
  k8s-tunnel:hostnames: [LAB, "*.LAB", photos.HOME]
  k8s-tunnel:pod:
    labels: { example.com/team: home }
    annotations: { example.com/contact: home@example.com }
    nodeSelector: { kubernetes.io/os: linux }
    tolerations:
      - { key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule }
    affinity:
      nodeAffinity:
        preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 1
            preference: { matchExpressions: [{ key: kubernetes.io/arch, operator: In, values: [amd64, arm64] }] }
    spreadRequired: true
    resources: { requests: { cpu: 60m }, limits: { memory: 192Mi } }
  k8s-tunnel:autoscaling: { maxReplicas: 3, cpu: 600m }
  k8s-tunnel:networkPolicy:
    dns: [{ namespace: kube-system, pods: { k8s-app: kube-dns } }]
    origins:
      - host: nas.home.lan
        to: [{ cidr: 192.168.1.20/32 }]
    metricsFrom: [apps]
  k8s-tunnel:monitoring:
    podMonitor: { interval: 15s, labels: { release: prometheus } }
    dashboard: { labels: { example.com/team: home } }
`

// withProgramOf returns the same stack, driven by the program of another checkout, where it is
// compiled. What this adds to the checkout is removed when the test ends.
func (s *stack) withProgramOf(t *testing.T, checkout string) *stack {
	t.Helper()
	checkout, err := filepath.Abs(checkout)
	require.NoError(t, err)
	other := &stack{&project.Stack{Project: &project.Project{World: s.Project.World, Dir: checkout}, Name: s.Name}}
	t.Cleanup(func() { _ = other.Project.Forget(other.Stack) })
	require.NoError(t, other.Project.Compile(t.Context()))
	settings, err := os.ReadFile(s.SettingsFile())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(other.SettingsFile(), settings, 0o600))
	return other
}

// inventory is everything that stays the same in an update without changes.
type inventory struct {
	Resources map[string]resource // in the stack's state, by URN
	Objects   map[string]string   // in the stack's namespace, by kind and name
	Tunnels   []string
	Records   []state.Record // including the time of their last change
}

// resource is a resource in Pulumi's state.
type resource struct {
	URN, ID, Parent, Provider string
	Custom, External, Protect bool
	Inputs, Outputs           map[string]any
}

func takeInventory(t *testing.T, s *stack) inventory {
	t.Helper()
	i := inventory{Resources: s.resources(t), Objects: objects(t, s.output(t, "namespace")), Records: currentState(t).Records}
	for _, tunnel := range live(t) {
		i.Tunnels = append(i.Tunnels, tunnel.ID.String())
	}
	return i
}

// resources reads the stack's state, without resources that are only read. It keeps the outputs of
// components and of the stack, which the program sets, but not those of other resources: they
// include an object's status, which changes by itself.
func (s *stack) resources(t *testing.T) map[string]resource {
	t.Helper()
	file := filepath.Join(t.TempDir(), "state.json")
	s.mustPulumi(t, "stack", "export", "--show-secrets", "--file", file)
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var exported struct {
		Deployment struct{ Resources []resource }
	}
	require.NoError(t, json.Unmarshal(raw, &exported))
	all := map[string]resource{}
	for _, r := range exported.Deployment.Resources {
		if r.External {
			continue
		}
		if r.Custom {
			r.Outputs = nil
		}
		all[r.URN] = r
	}
	require.NotEmpty(t, all)
	return all
}

// objects lists the objects in the stack's namespace, pods included. An object's generation changes
// with its specification, and its UID if it is replaced.
func objects(t *testing.T, namespace string) map[string]string {
	t.Helper()
	var list struct {
		Items []struct {
			Kind     string
			Metadata struct {
				Name, UID  string
				Generation int
			}
		}
	}
	kubectlJSON(t, &list, "-n", namespace, "get", "configmaps,secrets,deployments,pods,networkpolicies,"+
		"poddisruptionbudgets,horizontalpodautoscalers,podmonitors")
	all := map[string]string{}
	for _, item := range list.Items {
		all[item.Kind+"/"+item.Metadata.Name] = fmt.Sprintf("%s, generation %d", item.Metadata.UID, item.Metadata.Generation)
	}
	return all
}
