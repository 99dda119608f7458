package world

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"k8s-tunnel/sandbox/cluster"
)

// freeSlot finds a slot that no world of this machine uses: one whose interface
// doesn't exist and whose control port is free.
func freeSlot() (int, error) {
	for slot := 1; slot <= cluster.MaxSlot; slot++ {
		w := &World{Slot: slot}
		if _, err := net.InterfaceByName(w.clusterConfig().Name()); err == nil {
			continue
		}
		if portFree(w.ControlAddr()) == nil {
			return slot, nil
		}
	}
	return 0, errors.New("every slot of this machine is taken; take a world down that isn't needed")
}

// portFree returns nil if a TCP address can be listened on.
func portFree(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}

// checkPorts reports the addresses of the Cloudflare process that another process has
// taken.
func (w *World) checkPorts() error {
	var taken []string
	var reason error
	for _, addr := range append([]string{w.APIAddr(), w.FrontAddr(), w.FrontHTTPSAddr(), w.ControlAddr()}, w.localEdge()...) {
		if err := portFree(addr); err != nil {
			taken, reason = append(taken, addr), err
		}
	}
	if reason == nil {
		return nil
	}
	return fmt.Errorf("%s can't be listened on: %w; end the program that has them (ss -ltnp shows it), which may be another clone's local world",
		strings.Join(taken, ", "), reason)
}
