package world

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cluster"
)

// precious makes a directory of somebody else's, and returns it with a check that nothing
// in it has changed.
func precious(t *testing.T) (dir string, untouched func()) {
	t.Helper()
	dir = newClone(t)
	files := []string{"world.json", "ca.pem", "cloudflare.pid", "logs/cloudflare.log", "node/init.json", "node/kubeconfig", "dev/letters.txt", "letters.txt"}
	for _, name := range files {
		write(t, "theirs", dir, name)
	}
	return dir, func() {
		t.Helper()
		for _, name := range files {
			raw, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			require.Equal(t, "theirs", string(raw), name)
		}
	}
}

func link(t *testing.T, target string, parts ...string) string {
	t.Helper()
	path := filepath.Join(parts...)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.Symlink(target, path))
	return path
}

// TestDown_SymbolicLinks takes worlds down of which some part is a link to somebody else's
// files. "theirs" is a world that an earlier up recorded as one of this clone's, "ours" is
// not the default world, whose node and addresses a test must leave alone.
func TestDown_SymbolicLinks(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		make func(t *testing.T, root, target string) (link string)
		up   string // the error of Up; of Down too, if the link stays
		stay bool
	}{
		"the world": {
			make: func(t *testing.T, root, target string) string { return link(t, target, root, ".sandbox/worlds/ours") },
			up:   "is a symbolic link",
		},
		"a link to nothing": {
			make: func(t *testing.T, root, _ string) string {
				return link(t, "/nonexistent/world", root, ".sandbox/worlds/ours")
			},
			up: "is a symbolic link",
		},
		"all worlds, with a directory that has the world's name": {
			make: func(t *testing.T, root, target string) string {
				write(t, "", target, "ours", "letters.txt")
				return link(t, target, root, ".sandbox/worlds")
			},
			up: "can't be told to be this clone's world", stay: true,
		},
		"everything, with another clone's world": {
			make: func(t *testing.T, root, target string) string {
				other := open(t, target, "ours")
				other.ID = newID()
				require.NoError(t, other.save())
				return link(t, filepath.Join(target, ".sandbox"), root, ".sandbox")
			},
			up: "is the world of another clone", stay: true,
		},
		"the node": {
			make: func(t *testing.T, root, target string) string {
				return link(t, filepath.Join(target, "node"), root, ".sandbox/worlds/ours/node")
			},
			up: "symbolic links in a world",
		},
		"the logs": {
			make: func(t *testing.T, root, target string) string {
				return link(t, filepath.Join(target, "logs"), root, ".sandbox/worlds/ours/logs")
			},
			up: "symbolic links in a world",
		},
		"a file": {
			make: func(t *testing.T, root, target string) string {
				return link(t, filepath.Join(target, "ca.pem"), root, ".sandbox/worlds/ours/ca.pem")
			},
			up: "symbolic links in a world",
		},
		"something of the node": {
			make: func(t *testing.T, root, target string) string {
				return link(t, target, root, ".sandbox/worlds/ours/node/pki")
			},
			up: "symbolic links in a world",
		},
		"Pulumi's home": {
			make: func(t *testing.T, root, target string) string {
				return link(t, target, root, ".sandbox/worlds/ours/pulumi-home")
			},
			up: "symbolic links in a world",
		},
	} {
		for _, recorded := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", of a world with a slot"}[recorded], func(t *testing.T) {
				t.Parallel()
				root := newClone(t)
				target, untouched := precious(t)
				path := tt.make(t, root, target)
				if recorded {
					if tt.stay || tt.up == "is a symbolic link" {
						t.Skip("its record would be somebody else's")
					}
					// A slot that no machine has, so that nothing of another world's is stopped.
					w := &World{Root: root, Name: "ours", ID: newID(), Slot: 30, NoCluster: true}
					require.NoError(t, w.save())
				}
				w, err := OpenIn(root, "ours")
				if tt.stay {
					require.ErrorContains(t, err, tt.up, "no command gets at it")
					w = &World{Root: root, Name: "ours"}
					require.ErrorContains(t, w.Down(t.Context(), os.Stdout), tt.up)
					require.True(t, cluster.IsLink(path))
					untouched()
					return
				}
				require.NoError(t, err)
				w.NoCluster = true
				require.ErrorContains(t, w.Up(t.Context(), os.Stdout), tt.up)
				untouched()
				var out bytes.Buffer
				require.NoError(t, w.Down(t.Context(), &out))
				_, err = os.Lstat(path)
				require.ErrorIs(t, err, os.ErrNotExist, "the link is removed")
				_, err = os.Lstat(w.Dir())
				require.ErrorIs(t, err, os.ErrNotExist)
				untouched()
			})
		}
	}
}

// TestDown_LinkToAnotherDisk takes a world down in a clone whose .sandbox was moved and
// linked, which is the user's good right.
func TestDown_LinkToAnotherDisk(t *testing.T) {
	t.Parallel()
	root, disk := newClone(t), newClone(t)
	link(t, disk, root, ".sandbox")
	w := open(t, root, "far")
	w.ID, w.Slot = newID(), 30
	require.NoError(t, w.save())
	keep := write(t, "a tool", disk, "bin", "kubectl")
	moved := root + "-moved" // the clone is moved too
	require.NoError(t, os.Rename(root, moved))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(moved)) })
	_, err := OpenIn(moved, "far")
	require.ErrorContains(t, err, "can't be told to be this clone's world")
	require.NoError(t, os.Rename(moved, root))

	require.NoError(t, open(t, root, "far").Down(t.Context(), os.Stdout))
	require.NoDirExists(t, filepath.Join(disk, "worlds/far"))
	require.FileExists(t, keep)
	require.True(t, cluster.IsLink(filepath.Join(root, ".sandbox")))
}

// TestDown_EmptyBehindALink takes worlds down that a command was about to make, or to remove, when it was
// interrupted.
func TestDown_EmptyBehindALink(t *testing.T) {
	t.Parallel()
	root, disk := newClone(t), newClone(t)
	link(t, disk, root, ".sandbox")
	require.NoError(t, os.MkdirAll(filepath.Join(disk, "worlds/empty/node/probe"), 0o755))
	require.NoError(t, open(t, root, "empty").Down(t.Context(), os.Stdout))
	require.NoDirExists(t, filepath.Join(disk, "worlds/empty"))

	letters := write(t, "theirs", disk, "worlds/full/node/letters.txt")
	_, err := OpenIn(root, "full")
	require.ErrorContains(t, err, "can't be told to be this clone's world")
	require.FileExists(t, letters)
}

func TestDown_MovedClone(t *testing.T) {
	t.Parallel()
	before := filepath.Join(newClone(t), "before")
	after := filepath.Join(filepath.Dir(before), "after")
	w := open(t, before, "moved")
	w.ID, w.Slot = newID(), 30
	require.NoError(t, w.save())
	require.NoError(t, os.Rename(before, after))
	w = open(t, after, "moved")
	require.NoError(t, w.Down(t.Context(), os.Stdout))
	require.NoDirExists(t, w.Dir())
}

func TestMountsIn(t *testing.T) {
	t.Parallel()
	table := strings.NewReader(strings.Join([]string{
		`22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw`,
		`40 22 8:1 /x /clone/.sandbox/worlds/dev rw - ext4 /dev/sda1 rw`,
		`41 40 8:1 /y /clone/.sandbox/worlds/dev/my\040files rw - ext4 /dev/sda1 rw`,
		`42 22 8:1 /z /clone/.sandbox/worlds/dev2 rw - ext4 /dev/sda1 rw`,
		`broken`,
	}, "\n"))
	require.Equal(t, []string{"/clone/.sandbox/worlds/dev/my files", "/clone/.sandbox/worlds/dev"}, MountsIn(table, "/clone/.sandbox/worlds/dev"))
}

func TestEnv_WorldsShareOnlyPlugins(t *testing.T) {
	t.Parallel()
	root := newClone(t)
	byHand := write(t, "by hand", root, ".sandbox/pulumi/plugins/resource-cloudflare-v5.49.1/pulumi-resource-cloudflare")
	homes := map[string]bool{}
	for _, name := range []string{DefaultName, "second"} {
		w := open(t, root, name)
		w.NoCluster = false
		require.NoError(t, w.linkPlugins())
		require.NoError(t, w.linkPlugins(), "again")
		home := ""
		for _, v := range w.Env() {
			if v.Name == "PULUMI_HOME" {
				home = v.Value
			}
		}
		require.Contains(t, w.Env(), Variable{"KUBECACHEDIR", w.path("kubectl-cache")}, "kubectl keeps nothing in the user's home")
		homes[home] = true
		raw, err := os.ReadFile(filepath.Join(home, "plugins/resource-cloudflare-v5.49.1/pulumi-resource-cloudflare"))
		require.NoError(t, err)
		require.Equal(t, "by hand", string(raw))
		require.NoError(t, w.remove())
		require.NoDirExists(t, home)
	}
	require.Len(t, homes, 2)
	require.FileExists(t, byHand, "it stays when worlds go down")
}
