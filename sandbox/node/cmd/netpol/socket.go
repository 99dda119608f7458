package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

// The plugin speaks HTTP with the agent over a unix socket: one path for each of its two commands.
const (
	pathAdd    = "/add"
	pathRemove = "/remove"
)

// serve answers the plugin until the context ends. The channel reports if it stops earlier.
func (a *agent) serve(ctx context.Context, socket string) (<-chan error, error) {
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing old socket: %w", err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("listening for the plugin: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST "+pathAdd, handle(a.add))
	mux.Handle("POST "+pathRemove, handle(a.remove))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serving the plugin: %w", err)
		}
	}()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return failed, nil
}

func handle(do func(context.Context, sandbox) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var s sandbox
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := do(r.Context(), s); err != nil {
			log.Printf("%s %s of %s/%s: %v", r.URL.Path, s.Addr, s.Namespace, s.Name, err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// call is the plugin's end. The agent may be starting still, so a refused
// connection is tried again until the context ends.
func call(ctx context.Context, socket, path string, s sandbox) error {
	body, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encoding sandbox: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial(ctx, socket)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://netpol"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("calling the policy agent: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("calling the policy agent: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
		return fmt.Errorf("the policy agent refuses: %s", bytes.TrimSpace(text))
	}
	return nil
}

func dial(ctx context.Context, socket string) (net.Conn, error) {
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, "unix", socket)
		if err == nil || !sleep(ctx, 50*time.Millisecond) {
			return conn, err
		}
	}
}
