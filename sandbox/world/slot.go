package world

import (
	"errors"
	"fmt"
	"net"

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

// portFree tells whether a TCP address can be listened on.
func portFree(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}

// checkPorts reports every address of the Cloudflare process that somebody else
// has.
func (w *World) checkPorts() error {
	var problems []error
	for _, addr := range append([]string{w.APIAddr(), w.FrontAddr(), w.FrontHTTPSAddr(), w.ControlAddr()}, w.localEdge()...) {
		if err := portFree(addr); err != nil {
			problems = append(problems, fmt.Errorf("%s is needed and can't be had: %w; end the program that has it (ss -ltnp shows it), or another clone's local world", addr, err))
		}
	}
	return errors.Join(problems...)
}
