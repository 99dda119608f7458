package cluster

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// reachLimit is how long one attempt to connect to this machine may take. A packet filter that drops
// packets gives no answer.
const reachLimit = 2 * time.Second

// Reach returns an error if nothing in the node can connect to any of these addresses of this machine
// over TCP. Pods reach the machine the same way, over the veth pair.
func Reach(ctx context.Context, c Config, addrs ...netip.AddrPort) error {
	c, err := resolve(c)
	if err != nil {
		return err
	}
	id, running := findInit(c)
	if !running {
		return fmt.Errorf("%s doesn't run", c.Name())
	}
	for _, addr := range addrs {
		if err = dialFrom(ctx, id.PID, addr); err == nil {
			return nil
		}
	}
	return fmt.Errorf("pods can't reach this machine: %[1]w\na packet filter of the machine, such as ufw or firewalld, may refuse what arrives on the interface %[2]s: allow it, with `ufw allow in on %[2]s` or `firewall-cmd --zone=trusted --add-interface=%[2]s`",
		err, c.Name())
}

// dialFrom connects to an address from the network namespace of a process.
func dialFrom(ctx context.Context, pid int, addr netip.AddrPort) error {
	result := make(chan error, 1)
	// In a goroutine of its own, whose thread ends with it should it not find the way back.
	go func() {
		runtime.LockOSThread()
		own, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			result <- err
			return
		}
		defer own.Close()
		err = dialIn(ctx, filepath.Join("/proc", strconv.Itoa(pid), "ns/net"), addr)
		if unix.Setns(int(own.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		result <- err
	}()
	return <-result
}

// dialIn moves the calling thread into a network namespace and connects to an address there.
func dialIn(ctx context.Context, namespace string, addr netip.AddrPort) error {
	file, err := os.Open(namespace)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering the node's network: %w", err)
	}
	conn, err := (&net.Dialer{Timeout: reachLimit}).DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return err
	}
	return conn.Close()
}
