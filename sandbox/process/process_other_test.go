//go:build !linux

package process

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// A process is the same whatever the language and the time zone of the user's shell.
func TestIdentify_Surroundings(t *testing.T) {
	t.Setenv("LC_ALL", "C")
	t.Setenv("TZ", "UTC")
	want, err := Identify(os.Getpid())
	require.NoError(t, err)
	t.Setenv("LC_ALL", "de_DE.UTF-8")
	t.Setenv("TZ", "Asia/Tokyo")
	got, err := Identify(os.Getpid())
	require.NoError(t, err)
	require.Equal(t, want, got)
}
