package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/process"
	"k8s-tunnel/sandbox/toolchain"
)

// claimed claims a slot for a world until the test ends.
func claimed(t *testing.T, w *World) *claim {
	t.Helper()
	c, err := w.claim(t.Context())
	require.NoError(t, err)
	require.NotNil(t, c)
	t.Cleanup(c.release)
	return c
}

func TestClaim_WorldsStartedAtOnceGetDifferentSlots(t *testing.T) {
	t.Parallel()
	const worlds = 8
	all := make([]*World, worlds)
	claims, errs := make([]*claim, worlds), make([]error, worlds)
	begin, group := make(chan struct{}), sync.WaitGroup{}
	for i := range all {
		all[i] = open(t, newClone(t), fmt.Sprint("at-once-", i%2))
		group.Go(func() {
			<-begin
			claims[i], errs[i] = all[i].claim(context.Background())
		})
	}
	close(begin)
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	slots, ids := map[int]bool{}, map[string]bool{}
	for i, w := range all {
		slots[w.Slot], ids[w.ID] = true, true
		claims[i].release()
	}
	require.Len(t, slots, worlds)
	require.Len(t, ids, worlds)
	require.NotContains(t, slots, 0, "that is the default world's")
}

func TestClaim_FixedSlotOfAnotherClone(t *testing.T) {
	t.Parallel()
	first := open(t, newClone(t), "first")
	claimed(t, first)
	// Neither the default world nor one that has its slot from an earlier up can have another.
	second := &World{Root: newClone(t), Name: DefaultName, Slot: first.Slot}
	third := &World{Root: newClone(t), Name: "third", ID: "third", Slot: first.Slot, recorded: true}
	for _, w := range []*World{second, third} {
		_, err := w.claim(t.Context())
		var foreign *control.ForeignError
		require.ErrorAs(t, err, &foreign)
		require.Equal(t, first.identity(), foreign.Owner)
		require.ErrorContains(t, err, "world "+w.Name+" can't have its addresses: "+first.ControlAddr()+" belongs to world first of "+first.Root)
		require.ErrorContains(t, err, "-C "+first.Root+"/sandbox run . down --world first")
	}
}

func TestClaim_OfAnotherProgram(t *testing.T) {
	t.Parallel()
	w := open(t, newClone(t), "early")
	file, err := claimed(t, w).handOn()
	require.NoError(t, err)
	l, err := net.FileListener(file)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	server := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	w.recorded = true
	_, err = w.claim(t.Context())
	require.ErrorContains(t, err, "belongs to a program that doesn't say which local world it is")

	// As if that program were the world's Cloudflare process, from before they had identities.
	id, err := process.Identify(os.Getpid())
	require.NoError(t, err)
	raw, err := json.Marshal(id)
	require.NoError(t, err)
	write(t, string(raw), w.pidFile())
	_, err = w.claim(t.Context())
	require.ErrorContains(t, err, "an earlier version has started")
}

// TestClaim_IsHandedOn hands a slot to another holder: it is never free in between.
func TestClaim_IsHandedOn(t *testing.T) {
	t.Parallel()
	w := open(t, newClone(t), "handed-on")
	c := claimed(t, w)
	other := &World{Root: newClone(t), Name: "other", ID: "other", Slot: w.Slot}
	file, err := c.handOn()
	require.NoError(t, err)
	_, err = other.listen(t.Context())
	require.ErrorIs(t, err, syscall.EADDRINUSE)

	answer := make(chan error, 1)
	go func() { _, err := w.owner(context.Background()); answer <- err }()
	l, err := net.FileListener(file)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	server := &http.Server{Handler: control.Waiting(w.identity())}
	go func() { _ = server.Serve(l) }()
	require.NoError(t, <-answer, "who asked in the meantime has waited")
	require.NoError(t, server.Close())
	again, err := other.listen(t.Context())
	require.NoError(t, err, "and with its last holder the claim ends")
	again.release()
}

// startAlone starts the Cloudflare process of a world as Up does.
func startAlone(t *testing.T, w *World) {
	t.Helper()
	c, err := w.claim(t.Context())
	require.NoError(t, err)
	defer c.release()
	require.NoError(t, w.save())
	require.NoError(t, w.prepare(t.Context(), toolchain.Result{Root: w.Root}))
	require.NoError(t, w.startCloudflare(t.Context(), io.Discard, c))
}

// TestWorld_CloudflareOfOneWorldIsNoOthers isn't parallel, because other tests would take the
// slot while it is free.
func TestWorld_CloudflareOfOneWorldIsNoOthers(t *testing.T) {
	w := open(t, newClone(t), "alone")
	require.ErrorIs(t, w.Healthy(t.Context()), ErrNoAddresses)
	startAlone(t, w)
	t.Cleanup(func() { require.NoError(t, w.Down(context.Background(), io.Discard)) })
	require.NoError(t, w.Healthy(t.Context()))
	require.NoError(t, w.CheckAddresses(t.Context()))
	owner, err := w.owner(t.Context())
	require.NoError(t, err)
	running, ok := process.Load(w.pidFile())
	require.True(t, ok)
	require.Equal(t, control.World{ID: w.ID, Name: "alone", Root: w.Root, PID: running.PID}, owner)

	t.Run("it stays as it is", func(t *testing.T) {
		startAlone(t, w)
		again, _ := process.Load(w.pidFile())
		require.Equal(t, running, again)
	})
	t.Run("another world keeps away", func(t *testing.T) {
		other := open(t, newClone(t), "other")
		other.ID, other.Slot, other.recorded = newID(), w.Slot, true
		_, err := other.claim(t.Context())
		require.ErrorContains(t, err, "belongs to world alone of "+w.Root)
		// As if its process were alive and only its port another's.
		require.NoError(t, os.MkdirAll(other.Dir(), 0o755))
		raw, err := os.ReadFile(w.pidFile())
		require.NoError(t, err)
		write(t, string(raw), other.pidFile())
		for name, call := range map[string]func() error{
			"healthy": func() error { return other.Healthy(t.Context()) },
			"status":  func() error { return other.Status(t.Context(), io.Discard) },
			"deploy":  func() error { return other.Deploy(t.Context(), io.Discard) },
			"env":     func() error { return other.CheckAddresses(t.Context()) },
			"lags":    func() error { return other.SetRealLatency(t.Context(), true) },
		} {
			require.ErrorContains(t, call(), "belongs to world alone of "+w.Root, name)
		}
	})
	t.Run("a process that was killed leaves the slot", func(t *testing.T) {
		require.NoError(t, syscall.Kill(running.PID, syscall.SIGKILL))
		require.Eventually(t, func() bool { return !running.Alive() }, 10*time.Second, 10*time.Millisecond)
		require.Error(t, w.Healthy(t.Context()))
		startAlone(t, w)
		require.NoError(t, w.Healthy(t.Context()))
	})
	t.Run("a process whose directory is gone is found", func(t *testing.T) {
		lost, ok := process.Load(w.pidFile())
		require.True(t, ok)
		require.NoError(t, os.RemoveAll(w.Dir()))
		namesake := &World{Root: newClone(t), Name: w.Name, Slot: w.Slot}
		require.NoError(t, namesake.stopCloudflare(t.Context()))
		require.True(t, lost.Alive(), "only by its own clone")
		require.NoError(t, open(t, w.Root, w.Name).Down(t.Context(), io.Discard))
		require.False(t, lost.Alive())
		w.recorded = true
		require.NoError(t, w.CheckAddresses(t.Context()), "nobody has them")
	})
}

// TestDown_StopsCloudflareThatWasNotRecorded starts a world's Cloudflare process as an up does that is
// killed right then, beside the record of one that died. It isn't parallel, because other tests would take
// the slot while it is free.
func TestDown_StopsCloudflareThatWasNotRecorded(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes are listed on Linux only")
	}
	w := open(t, newClone(t), "unrecorded")
	c := claimed(t, w)
	require.NoError(t, w.save())
	require.NoError(t, w.prepare(t.Context(), toolchain.Result{Root: w.Root}))
	const stale = `{"pid":1,"start":1,"bootID":"another"}`
	write(t, stale, w.pidFile())
	port, err := c.handOn()
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0], CloudflareCommand, "--root", w.Root, "--world", w.Name, "--no-cluster")
	cmd.ExtraFiles = []*os.File{port}
	require.NoError(t, cmd.Start())
	require.NoError(t, port.Close())
	go func() { _ = cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	id, err := process.Identify(cmd.Process.Pid)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		noted, ok := process.Load(w.pidFile())
		return ok && noted == id
	}, 10*time.Second, 10*time.Millisecond, "it records itself")

	write(t, stale, w.pidFile()) // as if down were faster
	require.NoError(t, w.Down(t.Context(), io.Discard))
	require.False(t, id.Alive())
}

func TestLock_CommandsOnOneWorldExcludeEachOther(t *testing.T) {
	t.Parallel()
	w := open(t, newClone(t), "locked")
	unlock, err := w.lock(t.Context(), io.Discard)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = open(t, w.Root, "locked").lock(ctx, io.Discard)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	other, err := open(t, w.Root, "another").lock(t.Context(), io.Discard)
	require.NoError(t, err)
	other()
	unlock()
	again, err := w.lock(t.Context(), io.Discard)
	require.NoError(t, err)
	again()
}

// Of two runs on one world, the second one ends at once. Commands of the first one go on.
func TestReserve(t *testing.T) {
	t.Parallel()
	w := open(t, newClone(t), "reserved")
	release, err := w.Reserve("do something else")
	require.NoError(t, err)
	_, err = open(t, w.Root, "reserved").Reserve("do something else")
	require.EqualError(t, err, "another run uses world reserved: wait for its end, or do something else")
	require.NoError(t, w.Down(t.Context(), io.Discard))
	other, err := open(t, w.Root, "another").Reserve("")
	require.NoError(t, err)
	other()
	release()
	again, err := w.Reserve("")
	require.NoError(t, err)
	again()
}

func TestDown_LeavesTheSlotsNewOwnerAlone(t *testing.T) {
	t.Parallel()
	first := open(t, newClone(t), "first")
	claimed(t, first)
	group := ""
	for _, tree := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		path := filepath.Join(tree, first.clusterConfig().Name())
		if _, err := os.Stat(filepath.Join(tree, "cgroup.procs")); err == nil && os.Mkdir(path, 0o755) == nil {
			group = path
		}
	}
	if group == "" {
		t.Skip("needs root, and control groups")
	}
	t.Cleanup(func() { _ = os.Remove(group) })
	before := open(t, newClone(t), "before")
	before.ID, before.Slot = newID(), first.Slot
	require.NoError(t, before.save())
	require.NoError(t, before.Down(t.Context(), io.Discard))
	require.NoDirExists(t, before.Dir())
	require.DirExists(t, group, "of a node that is being started")
}
