//go:build !linux

package cluster

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
)

var errNotLinux = errors.New("a Kubernetes node needs Linux, and this is " + runtime.GOOS + ": use a Linux machine or virtual machine, or any other cluster")

// Check returns the reason why the node can't run here.
func Check(context.Context, Config) []error { return []error{errNotLinux} }

// CheckSlot finds nothing here.
func CheckSlot(Config) []error { return nil }

// Start brings the node up, on Linux.
func Start(context.Context, Config) error { return errNotLinux }

// Add has nothing to add to here.
func Add(context.Context, Config, []string, []byte) error { return errNotLinux }

// Stop has nothing to do here.
func Stop(context.Context, Config) error { return nil }

// Wipe has nothing to do here.
func Wipe(context.Context, Config) error { return nil }

// Find finds no node here.
func Find(Config) (Config, bool) { return Config{}, false }

// Reach has nothing to connect from here.
func Reach(context.Context, Config, ...netip.AddrPort) error { return errNotLinux }

// Inspect finds no node here.
func Inspect(context.Context, Config) (Status, error) { return Status{}, nil }

// InitMain is process 1 of the node, on Linux.
func InitMain([]string) int { return 1 }
