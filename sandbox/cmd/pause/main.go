// Pause is the process that keeps a pod's namespaces open.
//
// It does what the pause image of Kubernetes does: it waits for a signal, and where the
// containers of a pod share a pid namespace it is process 1 there and reaps their
// orphans. Unlike the original it is written in Go, so it takes about 2 MB rather than
// some 100 kB.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	// Children may have ended before the signals were caught.
	reap()
	for s := range signals {
		if s != syscall.SIGCHLD {
			return
		}
		reap()
	}
}

// reap collects all children that have ended. One signal can stand for several.
func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
	}
}
