package world

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/cluster"
)

// claim is the right to the addresses of a slot: the control port's listener. The kernel
// gives that address to one process of the machine at a time, of whatever user or clone,
// and takes it back when the process ends, however that happens. `up` takes it before
// anything else, and hands it to the Cloudflare process, which keeps it until the world
// goes down. In between, `up` answers the question whose it is.
type claim struct {
	listener *net.TCPListener
	waiting  *http.Server
}

// release gives the slot up, unless it was handed on.
func (c *claim) release() {
	if c != nil {
		_ = c.waiting.Close()
	}
}

// handOn stops answering and returns the listener for another process. Clients that come in
// the meantime wait for that one.
func (c *claim) handOn() (*os.File, error) {
	file, err := c.listener.File() // a second handle, so that closing the first ends nothing
	if err != nil {
		return nil, fmt.Errorf("handing the control port on: %w", err)
	}
	c.release()
	return file, nil
}

// claim takes the world's slot, or a free one if it has none yet. It returns nil if the
// world's own Cloudflare process has it already.
func (w *World) claim(ctx context.Context) (*claim, error) {
	if w.ID == "" {
		w.ID = newID()
	}
	if w.recorded || w.Name == DefaultName {
		return w.claimOwn(ctx)
	}
	var last error
	for w.Slot = 1; w.Slot <= cluster.MaxSlot; w.Slot++ {
		c, err := w.listen(ctx)
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return nil, err
		}
		// Nobody else can come to use the slot from here on.
		if last = w.checkSlot(); last == nil {
			return c, nil
		}
		c.release()
	}
	w.Slot = 0
	return nil, errors.Join(errors.New("no slot of this machine is free; take a world down that isn't needed, or see what is in the way"), last)
}

// checkSlot returns an error if the slot is no good although its addresses are free: because of a
// node whose Cloudflare process has died, or of the machine's other networks.
func (w *World) checkSlot() error {
	if !w.NoCluster {
		return errors.Join(cluster.CheckSlot(w.clusterConfig())...)
	}
	if name := w.clusterConfig().Name(); interfaceExists(name) {
		return fmt.Errorf("the interface %s exists, which is another world's", name)
	}
	return nil
}

func interfaceExists(name string) bool {
	_, err := net.InterfaceByName(name)
	return err == nil
}

// patience is how long a slot is waited for whose owner is ending.
const patience = 3 * time.Second

// claimOwn takes the one slot that the world may have.
func (w *World) claimOwn(ctx context.Context) (*claim, error) {
	var owner control.World
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		c, err := w.listen(ctx)
		if !errors.Is(err, syscall.EADDRINUSE) {
			return c, err
		}
		owner, err = w.owner(ctx)
		if err == nil && owner.ID == w.ID {
			return nil, nil //nolint:nilnil // there is nothing to claim
		}
		ending := errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
		if !ending || time.Now().After(deadline) {
			return nil, w.taken(owner, err)
		}
	}
}

// taken says who has the world's slot, or why that isn't known, and what to do.
func (w *World) taken(owner control.World, unknown error) error {
	err := unknown
	switch {
	case unknown == nil:
		err = &control.ForeignError{Addr: w.ControlAddr(), Owner: owner}
	case w.cloudflareAlive():
		err = errors.New("its own Cloudflare process, which an earlier version has started, doesn't say whose it is: take the world down first")
	}
	advice := "or choose another world with --world"
	if w.Name != DefaultName {
		advice = "or take this world down, and it gets other addresses"
	}
	return fmt.Errorf("world %s can't have its addresses: %w, %s", w.Name, err, advice)
}

// listen takes the control port, and answers there that the world is being started.
func (w *World) listen(ctx context.Context) (*claim, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", w.ControlAddr())
	if err != nil {
		return nil, fmt.Errorf("claiming slot %d: %w", w.Slot, err)
	}
	c := &claim{
		listener: l.(*net.TCPListener),
		waiting:  &http.Server{Handler: control.Waiting(w.identity()), ReadHeaderTimeout: 10 * time.Second},
	}
	go func() { _ = c.waiting.Serve(l) }() // until it is released or handed on
	return c, nil
}

// identity is what the control port says about its owner.
func (w *World) identity() control.World {
	return control.World{ID: w.ID, Name: w.Name, Root: w.Root, PID: os.Getpid()}
}

// owner asks whoever has the world's control port whose it is.
func (w *World) owner(ctx context.Context) (control.World, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	owner, err := control.NewClient(w.ControlAddr(), "").World(ctx)
	if err != nil && !errors.As(err, new(*control.ForeignError)) {
		err = fmt.Errorf("%w (%w)", &control.ForeignError{Addr: w.ControlAddr()}, err)
	}
	return owner, err
}

// CheckAddresses returns nil if the world's addresses are known, and no other world has them.
func (w *World) CheckAddresses(ctx context.Context) error {
	if err := w.Known(); err != nil {
		return err
	}
	owner, err := w.owner(ctx)
	if errors.Is(err, syscall.ECONNREFUSED) || err == nil && owner.ID == w.ID {
		return nil // nobody has them, or this world has
	}
	return w.taken(owner, err)
}

// Control returns a client of the Cloudflare process's control port. Its calls fail if
// another world's process has the port.
func (w *World) Control() *control.Client {
	return control.NewClient(w.ControlAddr(), cmp.Or(w.ID, "of a world that was never up"))
}

// checkPorts reports the addresses of the Cloudflare process, besides the claimed one, that can't be
// listened on, each with the reason.
func (w *World) checkPorts() error {
	var problems []error
	taken := false
	for _, addr := range append([]string{w.APIAddr(), w.FrontAddr(), w.FrontHTTPSAddr()}, w.localEdge()...) {
		if err := portFree(addr); err != nil {
			problems = append(problems, err)
			taken = taken || errors.Is(err, syscall.EADDRINUSE)
		}
	}
	if taken {
		problems = append(problems, errors.New("end the program that has what is in use (ss -ltnp shows it)"))
	}
	return errors.Join(problems...)
}

// portFree returns nil if a TCP address can be listened on.
func portFree(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}
