//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/project"
)

// tunnels lists the live tunnels that the stack has made.
func (s *subject) tunnels(t *testing.T) []control.Tunnel {
	t.Helper()
	return slices.DeleteFunc(live(t), func(tunnel control.Tunnel) bool {
		return !strings.HasPrefix(tunnel.Name, s.tunnelName()+"-")
	})
}

// records lists the records of the stack's zone.
func (s *subject) records(t *testing.T) []state.Record {
	t.Helper()
	return slices.DeleteFunc(currentState(t).Records, func(r state.Record) bool { return r.ZoneID != state.HomeZoneID })
}

// objects counts what the stack has in the cluster, by kind. What is terminating counts too.
func (s *subject) objects(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, kinds := range []string{connectorKinds + ",pods", "namespaces"} {
		var list struct{ Items []struct{ Kind string } }
		kubectlJSON(t, &list, "get", kinds, "-A", "-l", s.selector())
		for _, item := range list.Items {
			counts[item.Kind]++
		}
	}
	return counts
}

// converged waits until the cluster and Cloudflare have done what an operation asked for, and
// returns what is wrong with the result.
func (s *subject) converged(t *testing.T, o operation) error {
	t.Helper()
	var problems error
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(500 * time.Millisecond) {
		if problems = s.problems(t, o); problems == nil || time.Now().After(deadline) {
			break
		}
	}
	if problems != nil {
		return problems
	}
	if s.neighbour != nil {
		if now := s.neighbour.describe(t, s.namespace); now != s.neighbour.before {
			return fmt.Errorf("the neighbour has changed:\n%s\nwas:\n%s", now, s.neighbour.before)
		}
	}
	if o.gone {
		return s.stateIsEmpty(t)
	}
	s.secrets[fmt.Sprintf("secret %d of the tunnel", len(s.secrets))] = tunnelSecret(t, s.selector())
	_, err := s.pulumi("preview", "--expect-no-changes")
	return err
}

// problems lists what is left over, missing or wrong.
func (s *subject) problems(t *testing.T, o operation) error {
	t.Helper()
	want := map[string]int{}
	if !o.gone {
		want = map[string]int{"Deployment": 1, "ConfigMap": 1, "Secret": 1, "NetworkPolicy": 1, "PodDisruptionBudget": 1, "Pod": 1, "Namespace": 1}
		if s.namespace != "" {
			delete(want, "Namespace")
		}
	}
	var problems []error
	have := s.objects(t)
	for _, kind := range []string{"Namespace", "Deployment", "ConfigMap", "Secret", "NetworkPolicy", "PodDisruptionBudget", "Pod"} {
		if have[kind] != want[kind] {
			problems = append(problems, fmt.Errorf("%d of kind %s, want %d", have[kind], kind, want[kind]))
		}
	}
	problems = append(problems, s.atCloudflare(t, o)...)
	if !o.gone && len(problems) == 0 {
		problems = append(problems, s.answers(t))
	}
	return errors.Join(problems...)
}

// atCloudflare lists what is wrong with the tunnels, their connectors and the records.
func (s *subject) atCloudflare(t *testing.T, o operation) (problems []error) {
	t.Helper()
	tunnels, records := s.tunnels(t), s.records(t)
	if o.gone {
		for _, tunnel := range tunnels {
			problems = append(problems, fmt.Errorf("tunnel %s (%s) is left", tunnel.Name, tunnel.ID))
		}
		for _, record := range records {
			problems = append(problems, fmt.Errorf("record %s (%s) is left", record.Name, record.Content))
		}
		return problems
	}
	if len(tunnels) != 1 {
		problems = append(problems, fmt.Errorf("%d live tunnels, want 1", len(tunnels)))
	}
	for _, tunnel := range tunnels {
		clients := map[string]bool{}
		for _, connection := range tunnel.Connections {
			clients[connection.ClientID.String()] = true
		}
		if len(clients) != 1 || len(tunnel.Connections) != 4 {
			problems = append(problems, fmt.Errorf("tunnel %s has %d connectors with %d connections, want 1 with 4", tunnel.Name, len(clients), len(tunnel.Connections)))
		}
		for _, record := range records {
			if record.Content != tunnel.ID.String()+state.TunnelSuffix {
				problems = append(problems, fmt.Errorf("record %s leads to %s", record.Name, record.Content))
			}
		}
	}
	if len(records) != 2 {
		problems = append(problems, fmt.Errorf("%d records, want 2", len(records)))
	}
	return problems
}

// answers requires that requests are answered by the current origin alone. The app of the second
// host is reached through the ingress controller only; the other origin is the first host's app.
func (s *subject) answers(t *testing.T) error {
	t.Helper()
	host, want := testWorld.AppHosts()[1], "photos-"
	if s.origin == project.OtherOrigin {
		want = "hello-"
	}
	for i := range 20 {
		req, err := newRequest(t.Context(), host)
		require.NoError(t, err)
		resp, err := testWorld.Client().Do(req)
		if err != nil {
			return fmt.Errorf("request %d: %w", i, err)
		}
		resp.Body.Close()
		if pod := resp.Header.Get("X-Pod"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(pod, want) {
			return fmt.Errorf("request %d: status %d from pod %q, want one whose name begins with %s", i, resp.StatusCode, pod, want)
		}
	}
	return nil
}

// stateIsEmpty returns what Pulumi still knows of after a destroy. Operations that a killed command had
// begun stay in the state until a refresh clears them, and change nothing.
func (s *subject) stateIsEmpty(t *testing.T) error {
	t.Helper()
	var export struct {
		Deployment struct {
			Resources []struct{ URN string }
			Pending   []json.RawMessage `json:"pending_operations"`
		}
	}
	out, err := s.Command(context.Background(), "stack", "export", "--stack", s.Name).Output()
	if err != nil {
		return fmt.Errorf("stack export: %w", err)
	}
	if err := json.Unmarshal(out, &export); err != nil {
		return fmt.Errorf("stack export: %w", err)
	}
	if pending := len(export.Deployment.Pending); pending > 0 {
		t.Logf("%d pending operations are left in the state", pending)
	}
	if resources := export.Deployment.Resources; len(resources) > 0 {
		return fmt.Errorf("the state holds %d resources: %v", len(resources), resources)
	}
	return nil
}
