package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/cluster"
	"k8s-tunnel/sandbox/cluster/apps"
	"k8s-tunnel/sandbox/pinned"
)

// Healthy returns nil when every part of the world is up.
func (w *World) Healthy(ctx context.Context) error {
	if err := w.Known(); err != nil {
		return err
	}
	if !w.cloudflareAlive() {
		return errors.New("the Cloudflare process doesn't run")
	}
	if err := w.Control().Ready(ctx); err != nil {
		return fmt.Errorf("the Cloudflare process: %w", err)
	}
	if w.NoCluster {
		return nil
	}
	status, err := cluster.Inspect(ctx, w.clusterConfig())
	switch {
	case err != nil:
		return fmt.Errorf("the node: %w", err)
	case !status.Running:
		return errors.New("the node doesn't run")
	case !status.Healthy():
		return fmt.Errorf("the node: %s", status.Problem)
	}
	return nil
}

// Status prints what the world is made of and what is exposed in it.
func (w *World) Status(ctx context.Context, out io.Writer) error {
	if err := w.Healthy(ctx); err != nil {
		return fmt.Errorf("world %s is not up: %w", w.Name, err)
	}
	state, err := w.Control().State(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "Cloudflare API\t%s\n", w.apiURL())
	fmt.Fprintf(table, "Front\thttp://%s, https://%s\n", w.FrontAddr(), w.FrontHTTPSAddr())
	if !w.NoCluster {
		fmt.Fprintf(table, "Cluster\t%s (KUBECONFIG=%s)\n", w.clusterConfig().APIServerURL(), w.Kubeconfig())
	}
	for _, t := range state.Live() {
		fmt.Fprintf(table, "Tunnel\t%s  %s  %s\n", t.Name, t.ID, connectors(t))
	}
	for _, r := range state.Records {
		fmt.Fprintf(table, "Record\t%s  %s  %s\n", r.Name, r.Type, r.Content)
	}
	return table.Flush()
}

// connectors says how many connectors a tunnel has, and how they are connected.
func connectors(t control.Tunnel) string {
	clients, protocols, up := map[uuid.UUID]bool{}, map[string]bool{}, 0
	for _, c := range t.Connections {
		if c.PendingReconnect {
			continue
		}
		clients[c.ClientID], protocols[c.Protocol] = true, true
		up++
	}
	if len(clients) == 0 {
		return "no connector"
	}
	return fmt.Sprintf("%d connectors, %d connections over %s",
		len(clients), up, strings.Join(slices.Sorted(maps.Keys(protocols)), " and "))
}

// AppHosts are the names of the apps once the dev stack is up: the zone's apex and one
// that its wildcard covers.
func (w *World) AppHosts() []string {
	return apps.Hosts(w.Domain())
}

// URL is the address at which a browser on this machine opens a host.
func (w *World) URL(host string) string {
	_, port, _ := net.SplitHostPort(w.FrontAddr())
	return fmt.Sprintf("http://%s:%s/", host, port)
}

// Client returns a client that sends all requests to the front, whatever the host's
// name resolves to.
func (w *World) Client() *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: pinned.Transport(w.FrontAddr())}
}

// Show is the end of `make up`: it prints the status and sends a request through the
// tunnel.
func (w *World) Show(ctx context.Context, out io.Writer) error {
	fmt.Fprintln(out)
	if err := w.Status(ctx, out); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, host := range w.AppHosts() {
		begin := time.Now()
		answer, err := w.ask(ctx, host)
		if err != nil {
			return fmt.Errorf("asking %s through the tunnel: %w", host, err)
		}
		fmt.Fprintf(out, "GET %s: answered by the app %s, pod %s, in %s\n",
			w.URL(host), answer.App, answer.Pod, time.Since(begin).Round(time.Millisecond))
	}
	fmt.Fprintf(out, "\nOpen them in a browser. To look around by hand: eval \"$(go -C sandbox run . env)\"\n")
	return nil
}

// answer is what an app says about itself.
type answer struct{ App, Pod string }

func (w *World) ask(ctx context.Context, host string) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL(host)+"api/info", nil)
	if err != nil {
		return nil, err
	}
	resp, err := w.Client().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", resp.Status, raw)
	}
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, fmt.Errorf("an answer that isn't the app's: %w", err)
	}
	return &a, nil
}
