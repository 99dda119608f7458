package world

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// DeleteAtCloudflare deletes what lies under a path of the API, such as
// /zones/ID/dns_records/ID, as a user does in the dashboard.
func (w *World) DeleteAtCloudflare(ctx context.Context, path string) error {
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
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, "https://"+w.APIAddr()+"/client/v4"+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+state.SeedToken)
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("deleting %s: %w", path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("deleting %s: %s", path, resp.Status)
	}
	return nil
}
