package world

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDown_RemovesTheKubernetesPluginsFiles(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	w := open(t, newClone(t), "temporary")
	write(t, "our authority", w.path("node", "pki", "ca.crt"))
	file := func(authority string) string {
		return "clusters:\n- cluster:\n    certificate-authority-data: " + base64.StdEncoding.EncodeToString([]byte(authority)) + "\n"
	}
	ours := []string{
		write(t, file("our authority"), temporary, "kubeconfig123"),
		write(t, file("our authority"), temporary, "kubeconfig4567890"),
	}
	others := []string{
		write(t, file("their authority"), temporary, "kubeconfig124"),
		write(t, file("our authority"), temporary, "kubeconfig"),
		write(t, file("our authority"), temporary, "config"),
		link(t, "config", temporary, "kubeconfig125"),
		filepath.Dir(write(t, file("our authority"), temporary, "kubeconfig126", "config")),
	}
	require.NoError(t, w.Down(t.Context(), os.Stdout))
	for _, path := range ours {
		require.NoFileExists(t, path)
	}
	for _, path := range others {
		_, err := os.Lstat(path)
		require.NoError(t, err)
	}
	require.NoError(t, open(t, newClone(t), "no-cluster").removeKubeconfigs())
}
