package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"k8s-tunnel/sandbox/cloudflare/state"
)

const (
	loadFor       = 10 * time.Second
	loadRate      = 50
	downloadBytes = 200_000_000
)

func (b *bench) measure(ctx context.Context) error {
	hand, err := b.byHand(ctx)
	if err != nil {
		return err
	}
	stack, err := b.newStack(ctx)
	if err != nil {
		return err
	}
	defer stack.remove(context.WithoutCancel(ctx))
	// The program is built by the first command that runs it, which isn't what
	// is measured here.
	preview, err := timed("the first preview, which builds the program", func() error { return stack.pulumi(ctx, "preview") })
	if err != nil {
		return err
	}
	answered := make(chan float64, 1)
	began := time.Now()
	go func() {
		_ = b.untilAnswered(ctx)
		answered <- time.Since(began).Seconds()
	}()
	up, err := timed("the first up", func() error { return stack.up(ctx) })
	if err != nil {
		return err
	}
	first := <-answered
	unchanged, err := timed("an unchanged up", func() error { return stack.up(ctx) })
	if err != nil {
		return err
	}
	b.compare("first request, pulumi up : by hand", first, hand, "s", "up waits until connectors were ready for 10 s before the names move")
	b.compare("unchanged up : first up", unchanged, up, "s", "")
	b.compare("first preview : unchanged up", preview, unchanged, "s", "a preview that had to build the program, or found it built")
	if err := b.requests(ctx); err != nil {
		return err
	}
	rotation, err := timed("a rotation", func() error { return stack.rotate(ctx) })
	if err != nil {
		return err
	}
	destroy, err := timed("a destroy", func() error { return stack.pulumi(ctx, "destroy", "--yes", "--skip-preview") })
	if err != nil {
		return err
	}
	b.compare("rotation : first up", rotation, up, "s", "new beside old, then the old one drains")
	b.compare("destroy : first up", destroy, up, "s", "the connectors drain")
	return nil
}

// requests compares requests through the tunnel with requests straight to the
// ingress controller.
func (b *bench) requests(ctx context.Context) error {
	ip, err := b.text(ctx, "kubectl", "-n", "ingress-nginx", "get", "service", "ingress-nginx-controller", "-o", "jsonpath={.spec.clusterIP}")
	if err != nil {
		return err
	}
	fmt.Println("measuring: requests through the tunnel and without it")
	through, without := b.attack(b.FrontAddr()), b.attack(net.JoinHostPort(ip, "80"))
	b.compare("median latency, tunnel : direct", through.Latencies.P50.Seconds()*1000, without.Latencies.P50.Seconds()*1000, "ms",
		fmt.Sprintf("%d requests a second, all parts on one machine", loadRate))
	b.compare("99th percentile, tunnel : direct", through.Latencies.P99.Seconds()*1000, without.Latencies.P99.Seconds()*1000, "ms", "")
	b.compare("failed requests, tunnel : sent", float64(through.Requests)*(1-through.Success), float64(through.Requests), "requests", "")
	fast, err := b.download(ctx, b.FrontAddr())
	if err != nil {
		return err
	}
	faster, err := b.download(ctx, net.JoinHostPort(ip, "80"))
	if err != nil {
		return err
	}
	b.compare("throughput, tunnel : direct", fast, faster, "MB/s", "one download")
	return nil
}

// attack sends a steady load to an address and measures the answers.
func (b *bench) attack(addr string) *vegeta.Metrics {
	attacker := vegeta.NewAttacker(vegeta.Client(client(addr)))
	targets := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodGet, URL: "http://" + b.AppHosts()[0] + "/api/info"})
	var m vegeta.Metrics
	for result := range attacker.Attack(targets, vegeta.ConstantPacer{Freq: loadRate, Per: time.Second}, loadFor, "") {
		m.Add(result)
	}
	m.Close()
	return &m
}

// download tells at how many megabytes a second a large answer arrives.
func (b *bench) download(ctx context.Context, addr string) (float64, error) {
	url := fmt.Sprintf("http://%s/download?bytes=%d", b.AppHosts()[0], downloadBytes)
	var got int64
	seconds, err := timed("a download from "+addr, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client(addr).Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		got, err = io.Copy(io.Discard, resp.Body)
		return err
	})
	if err == nil && got != downloadBytes {
		err = fmt.Errorf("download from %s: %d bytes instead of %d", addr, got, downloadBytes)
	}
	return float64(got) / 1e6 / seconds, err
}

// client sends every request to one address.
func client(addr string) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: loadRate,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, addr)
		},
	}}
}

// untilAnswered waits for the first answer of the app behind the apex.
func (b *bench) untilAnswered(ctx context.Context) error {
	c := client(b.FrontAddr())
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.AppHosts()[0]+"/api/info", nil)
		if err != nil {
			return err
		}
		if resp, err := c.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return ctx.Err()
}

// text runs a command and returns what it printed.
func (b *bench) text(ctx context.Context, name string, args ...string) (string, error) {
	cmd := b.Command(ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// byHand does with cloudflared and kubectl what people did before, tells how long
// it takes until the first request is answered, and removes it again.
func (b *bench) byHand(ctx context.Context) (float64, error) {
	home, err := os.MkdirTemp("", "bench")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(home)
	credentials, manifest := filepath.Join(home, "credentials.json"), filepath.Join(home, "manifest.yaml")
	if err := os.WriteFile(manifest, []byte(handRun), 0o600); err != nil {
		return 0, err
	}
	steps := func(steps ...[]string) error {
		for _, step := range steps {
			if _, err := b.text(ctx, step[0], step[1:]...); err != nil {
				return err
			}
		}
		return nil
	}
	seconds, err := timed("a tunnel by hand", func() error {
		err := steps(
			[]string{"cloudflared", "tunnel", "create", "--credentials-file", credentials, "by-hand"},
			[]string{"cloudflared", "tunnel", "route", "dns", "--overwrite-dns", "by-hand", state.HomeZoneName},
			[]string{"cloudflared", "tunnel", "route", "dns", "--overwrite-dns", "by-hand", "*." + state.HomeZoneName},
			[]string{"kubectl", "create", "namespace", "by-hand"},
			[]string{"kubectl", "-n", "by-hand", "create", "secret", "generic", "tunnel-credentials", "--from-file=credentials.json=" + credentials},
			[]string{"kubectl", "apply", "-f", manifest},
		)
		if err != nil {
			return err
		}
		return b.untilAnswered(ctx)
	})
	if err != nil {
		return 0, err
	}
	return seconds, steps(
		[]string{"kubectl", "delete", "namespace", "by-hand"},
		[]string{"cloudflared", "tunnel", "cleanup", "by-hand"},
		[]string{"cloudflared", "tunnel", "delete", "by-hand"},
	)
}
