package toolchain

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

func TestBuildEnvironment(t *testing.T) {
	t.Parallel()
	user := []string{
		"HOME=/home/ann", "PATH=/bin", "GOFLAGS=-race", "GOOS=plan9", "GOARCH=arm", "GOAMD64=v3", "GOEXPERIMENT=x",
		"GOWORK=/w", "GOTOOLCHAIN=auto", "CGO_CFLAGS=-O0", "CGO_ENABLED=1", "GO111MODULE=off", "CC=clang",
		"GOMODCACHE=/cache/mod", "GOCACHE=/cache/build", "GOPROXY=off", "HTTPS_PROXY=http://proxy",
	}
	require.Equal(t, []string{
		"HOME=/home/ann", "PATH=/bin", "CC=clang", "GOMODCACHE=/cache/mod", "GOCACHE=/cache/build", "GOPROXY=off",
		"HTTPS_PROXY=http://proxy", "CGO_ENABLED=0", "GO111MODULE=on", "GOWORK=off", "GOTOOLCHAIN=local",
		"GOFLAGS=-mod=readonly", "PWD=/m",
	}, buildEnvironment(user, false, "PWD=/m"))
	require.Contains(t, buildEnvironment(nil, true), "CGO_ENABLED=1")
}

func TestGarbageSetting(t *testing.T) {
	t.Parallel()
	for available, want := range map[float64]string{0: "GOGC=100", 4: "GOGC=100", 13.9: "GOGC=100", 20: "GOGC=300"} {
		require.Equal(t, want, garbageSetting(available), available)
	}
}

func TestCheckGo(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"go1.26.6": true, "go1.26.8": true, "go1.27rc1": true, "go2.0": true, "go1.26.7 X:nocoverageredesign": true,
		"devel go1.27-abcdef": true, "go1.25.9": false, "go1.9": false,
	}
	for version, fits := range tests {
		if err := checkGo(version); fits {
			require.NoError(t, err, version)
		} else {
			require.ErrorContains(t, err, "1.26", version)
		}
	}
}

// TestMinimumGo_IsTheModules compares the version with the go lines of all modules.
func TestMinimumGo_IsTheModules(t *testing.T) {
	t.Parallel()
	highest := ""
	require.NoError(t, filepath.WalkDir(clone, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != clone && (path == filepath.Join(clone, "dist") || strings.HasPrefix(entry.Name(), ".")) {
			return filepath.SkipDir
		}
		if entry.Name() != "go.mod" {
			return nil
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		file, err := modfile.ParseLax(path, content, nil)
		require.NoError(t, err)
		if version := "v" + file.Go.Version; highest == "" || semver.Compare(version, highest) > 0 {
			highest = version
		}
		return nil
	}))
	require.Equal(t, highest, "v"+minimumGo)
}
