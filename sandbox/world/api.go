package world

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// DeleteAtCloudflare deletes what lies under a path of the API, such as
// /zones/ID/dns_records/ID, as a user does in the dashboard.
func (w *World) DeleteAtCloudflare(ctx context.Context, path string) error {
	return w.callCloudflare(ctx, http.MethodDelete, path, "")
}

// ChangeAtCloudflare changes what lies under a path of the API to what some JSON says.
func (w *World) ChangeAtCloudflare(ctx context.Context, path, change string) error {
	return w.callCloudflare(ctx, http.MethodPatch, path, change)
}

// SwitchAtCloudflare gives a tunnel a configuration at Cloudflare, as the dashboard's migration does.
func (w *World) SwitchAtCloudflare(ctx context.Context, tunnelID string) error {
	return w.callCloudflare(ctx, http.MethodPut, "/accounts/"+state.SeedAccountID+"/cfd_tunnel/"+tunnelID+"/configurations", "{}")
}

func (w *World) callCloudflare(ctx context.Context, method, path, body string) error {
	authority, err := os.ReadFile(w.path("ca.pem"))
	if err != nil {
		return fmt.Errorf("reading the world's authority: %w", err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(authority) {
		return errors.New("the world's authority is no certificate")
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, method, w.apiURL()+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+state.SeedToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return nil
}
