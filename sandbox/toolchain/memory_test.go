package toolchain

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMemoryGroups(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"/g/memory/box/shell", "/g/memory/box", "/g/memory", "/g"},
		memoryGroups("4:cpu,cpuacct:/elsewhere\n3:memory:/box/shell\n0::/\n", "/g"), "version 1")
	require.Equal(t, []string{"/g/user.slice/shell", "/g/user.slice", "/g"}, memoryGroups("0::/user.slice/shell\n", "/g"), "version 2")
	require.Empty(t, memoryGroups("", "/g"))
}

func TestRoomIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		want  float64
		ok    bool
	}{
		"version 1": {
			files: map[string]string{"memory.limit_in_bytes": "8000\n", "memory.usage_in_bytes": "5000\n", "memory.stat": "cache 9\ntotal_inactive_file 1000\n"},
			want:  4000, ok: true,
		},
		"version 2": {
			files: map[string]string{"memory.max": "8000\n", "memory.current": "5000\n", "memory.stat": "anon 4000\ninactive_file 500\n"},
			want:  3500, ok: true,
		},
		"full":       {files: map[string]string{"memory.max": "8000\n", "memory.current": "9000\n"}, ok: true},
		"no limit":   {files: map[string]string{"memory.max": "max\n", "memory.current": "9000\n"}},
		"no control": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, content := range c.files {
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644))
			}
			room, ok := roomIn(dir)
			require.Equal(t, c.ok, ok)
			require.InDelta(t, c.want, room, 0)
		})
	}
}

// Each compiler needs memory, however many processors there are.
func TestCompilers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		processors, places int
		available, largest float64
		want               int
	}{
		{2, 2, 6.5, 2, 2},
		{2, 2, 20, 4, 2},
		{64, 4, 6.8, 2, 4},
		{64, 4, 250, 4, 64},
		{8, 4, 1, 2, 1},
		{8, 4, 0, 2, 8},
	} {
		require.Equal(t, test.want, compilers(test.processors, test.places, test.available, test.largest), "%+v", test)
	}
}
