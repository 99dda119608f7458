package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"k8s-tunnel/sandbox/pinned"
)

const (
	turns         = 3
	turnFor       = 5 * time.Second
	loadRate      = 50
	downloadBytes = 200_000_000
)

// path is one way for a request to reach an app.
type path struct {
	addr      string
	metrics   vegeta.Metrics
	downloads []float64 // megabytes a second
}

// compareRequests compares requests through the tunnel with requests straight to the
// ingress controller. They take turns, so that other work on the machine affects both
// alike.
func (b *bench) compareRequests(ctx context.Context) error {
	ip, err := b.Command(ctx, "kubectl", "-n", "ingress-nginx", "get", "service", "ingress-nginx-controller", "-o", "jsonpath={.spec.clusterIP}").Output()
	if err != nil {
		return fmt.Errorf("looking up the ingress controller: %w", err)
	}
	tunnel, direct := &path{addr: b.FrontAddr()}, &path{addr: net.JoinHostPort(strings.TrimSpace(string(ip)), "80")}
	paths := []*path{tunnel, direct}
	for range turns {
		for _, path := range paths {
			b.attack(path)
			if err := b.download(ctx, path); err != nil {
				return err
			}
		}
	}
	for _, path := range paths {
		path.metrics.Close()
		if path.metrics.Success < 1 {
			return fmt.Errorf("requests to %s failed: %s", path.addr, strings.Join(path.metrics.Errors, ", "))
		}
	}
	t := &table{title: "A request through the tunnel : one straight to the ingress controller, all on one machine", columns: [2]string{"tunnel", "direct"}}
	t.add(fmt.Sprintf("median latency at %d requests a second", loadRate), milliseconds(tunnel.metrics.Latencies.P50), milliseconds(direct.metrics.Latencies.P50), "")
	t.add("99th percentile of it", milliseconds(tunnel.metrics.Latencies.P99), milliseconds(direct.metrics.Latencies.P99), "")
	t.add("speed of one download", speed(median(tunnel.downloads)), speed(median(direct.downloads)), "higher is better")
	b.tables = append(b.tables, t)
	return nil
}

// attack sends a steady load for one turn.
func (b *bench) attack(p *path) {
	c := client(p.addr)
	defer c.CloseIdleConnections()
	attacker := vegeta.NewAttacker(vegeta.Client(c))
	targets := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodGet, URL: "http://" + b.AppHosts()[0] + "/api/info"})
	for result := range attacker.Attack(targets, vegeta.ConstantPacer{Freq: loadRate, Per: time.Second}, turnFor, "") {
		p.metrics.Add(result)
	}
}

// download measures the speed of a large answer, in megabytes a second.
func (b *bench) download(ctx context.Context, p *path) error {
	c := client(p.addr)
	defer c.CloseIdleConnections()
	url := fmt.Sprintf("http://%s/download?bytes=%d", b.AppHosts()[0], downloadBytes)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	began := time.Now()
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		return fmt.Errorf("download from %s: %w", p.addr, err)
	}
	if got != downloadBytes {
		return fmt.Errorf("download from %s: %d bytes instead of %d", p.addr, got, downloadBytes)
	}
	p.downloads = append(p.downloads, downloadBytes/1e6/time.Since(began).Seconds())
	return nil
}

// client sends every request to one address.
func client(addr string) *http.Client {
	transport := pinned.Transport(addr)
	transport.MaxIdleConnsPerHost = loadRate
	return &http.Client{Transport: transport}
}
