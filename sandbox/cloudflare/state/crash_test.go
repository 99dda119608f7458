package state

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// crashing is the variable that names the store to which a copy of the test binary
// writes endlessly.
const crashing = "STATE_TEST_CRASHING_STORE"

// TestMain lets the test binary be the process that TestStore_SurvivesAKill kills.
func TestMain(m *testing.M) {
	if file := os.Getenv(crashing); file != "" {
		writeWithoutEnd(file)
	}
	os.Exit(m.Run())
}

// writeWithoutEnd adds records and prints the ID of each once it is stored.
func writeWithoutEnd(file string) {
	s, err := Open(file)
	for err == nil {
		var r Record
		r, err = s.CreateRecord(Record{ZoneID: HomeZoneID, Name: newID() + "." + HomeZoneName, Type: "TXT", Content: "t"})
		fmt.Println(r.ID)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func TestStore_SurvivesAKill(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.db")
	var stored []string
	for round := range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), crashing+"="+file)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for range 20 + round {
			require.True(t, lines.Scan(), "it ended by itself")
			stored = append(stored, lines.Text())
		}
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() {
			stored = append(stored, lines.Text())
		}
		require.Error(t, cmd.Wait())

		s, err := Open(file)
		require.NoError(t, err, "the lock is gone with the process")
		for _, id := range stored {
			_, ok := s.Record(HomeZoneID, id)
			require.True(t, ok, "record %s was reported as stored", id)
		}
		require.NoError(t, s.Close())
	}
}
