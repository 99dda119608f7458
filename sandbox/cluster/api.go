package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"
)

// apiClient queries the API server as administrator. A few reads don't justify client-go, which is
// larger than everything else here.
type apiClient struct {
	base string
	http *http.Client
}

func newAPIClient(c Config) (*apiClient, error) {
	authority, err := os.ReadFile(c.path(pkiDir, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New("reading the cluster's CA: no certificate in it")
	}
	admin, err := tls.LoadX509KeyPair(c.path(pkiDir, "admin.crt"), c.path(pkiDir, "admin.key"))
	if err != nil {
		return nil, fmt.Errorf("reading the administrator's certificate: %w", err)
	}
	// No proxy, whatever the user's environment says: the node is directly connected.
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{admin}}, ForceAttemptHTTP2: true}
	return &apiClient{base: c.APIServerURL(), http: &http.Client{Transport: transport}}, nil
}

func (a *apiClient) close() { a.http.CloseIdleConnections() }

// get reads one object into value, or only checks the answer when value is nil.
func (a *apiClient) get(ctx context.Context, path string, value any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path, nil)
	if err != nil {
		return err
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking the API server: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("asking the API server: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("asking the API server for %s: %s", path, resp.Status)
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(body, value)
}

// apiReady returns nil once the API server answers and has finished its preparations.
func apiReady(ctx context.Context, c Config) error {
	client, err := newAPIClient(c)
	if err != nil {
		return err
	}
	defer client.close()
	return client.get(ctx, "/readyz", nil)
}

// nodeStatus is the part of a Node that says whether it is ready.
type nodeStatus struct {
	Status struct {
		Conditions []struct {
			Type      string    `json:"type"`
			Status    string    `json:"status"`
			Message   string    `json:"message"`
			Heartbeat time.Time `json:"lastHeartbeatTime"`
		} `json:"conditions"`
	} `json:"status"`
}

// nodeReady returns nil if the kubelet has reported the node as ready since the given time: earlier
// reports are still stored when a stopped node comes back.
func nodeReady(ctx context.Context, client *apiClient, c Config, since time.Time) error {
	var node nodeStatus
	if err := client.get(ctx, "/api/v1/nodes/"+c.Name(), &node); err != nil {
		return err
	}
	return node.ready(since.Truncate(time.Second)) // Kubernetes' times have no fractions
}

func (n nodeStatus) ready(since time.Time) error {
	for _, condition := range n.Status.Conditions {
		switch {
		case condition.Type != "Ready":
		case condition.Heartbeat.Before(since):
			return errors.New("the kubelet has not reported since the start")
		case condition.Status != "True":
			return fmt.Errorf("the node is not ready: %s", condition.Message)
		default:
			return nil
		}
	}
	return errors.New("the kubelet has not reported yet")
}

// dnsAnswers asks the cluster's DNS, through the service's address, for a name that every cluster
// has. An answer means that the pod runs, that service addresses are translated, and that this
// machine's packets reach it.
func dnsAnswers(ctx context.Context, c Config) error {
	server := net.JoinHostPort(c.DNSAddr().String(), "53")
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, server)
	}
	addrs, err := repeatedly(ctx, 50*time.Millisecond, func(ctx context.Context) ([]netip.Addr, error) {
		// A resolver asks the same question only once at a time, so each question has its own.
		resolver := net.Resolver{PreferGo: true, Dial: dial}
		return resolver.LookupNetIP(ctx, "ip4", "kubernetes.default.svc."+clusterDomain+".")
	})
	if err != nil {
		return fmt.Errorf("asking the cluster's DNS: %w", err)
	}
	if len(addrs) != 1 || addrs[0].Unmap() != c.APIServiceAddr() {
		return fmt.Errorf("asking the cluster's DNS: %v is not the API server's address %s", addrs, c.APIServiceAddr())
	}
	return nil
}

// repeatedly asks again and again, without waiting for answers, and returns the first good one. It is
// for questions that may be lost: packets to a service without pods are.
func repeatedly[T any](ctx context.Context, pause time.Duration, ask func(context.Context) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer)
	tick := time.NewTicker(pause)
	defer tick.Stop()
	last := context.DeadlineExceeded
	for {
		go func() {
			value, err := ask(ctx)
			select {
			case answers <- answer{value, err}:
			case <-ctx.Done():
			}
		}()
		select {
		case <-ctx.Done():
			var none T
			return none, last
		case a := <-answers:
			if a.err == nil {
				return a.value, nil
			}
			last = a.err
			<-tick.C
		case <-tick.C:
		}
	}
}

// Apply creates or updates objects by server-side apply, as `kubectl apply --server-side` does. The
// manifests are a YAML or JSON stream. It returns when the API server has accepted them, not when
// they have come up.
func Apply(ctx context.Context, c Config, manifests []byte) error {
	cmd := exec.CommandContext(ctx, c.bin("kube"), "kubectl", "--kubeconfig", c.Kubeconfig(), "--cache-dir", c.path("kubectl"),
		"apply", "--server-side", "--force-conflicts", "--field-manager", "k8s-tunnel-sandbox", "-f", "-")
	cmd.Stdin = strings.NewReader(string(manifests))
	cmd.Env = []string{"HOME=" + c.path("kubectl")} // no preferences and no proxy of the user's
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("applying manifests: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
