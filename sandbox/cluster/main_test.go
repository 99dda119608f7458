package cluster

import (
	"context"
	"encoding/json"
	"os"
	"testing"
)

// TestMain lets the test binary be process 1 of a node, as the sandbox's own binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == InitCommand {
		os.Exit(InitMain(os.Args[2:]))
	}
	if raw := os.Getenv(startInstead); raw != "" {
		os.Exit(startMain(raw))
	}
	os.Exit(m.Run())
}

// startInstead makes the test binary start the node that the variable describes, as a separate
// command that can be killed halfway.
const startInstead = "CLUSTER_TEST_START"

func startMain(raw string) int {
	var c Config
	if err := json.Unmarshal([]byte(raw), &c); err != nil {
		panic(err)
	}
	if err := Start(context.Background(), c); err != nil {
		panic(err)
	}
	return 0
}

// testConfig is a node that is never started.
func testConfig(t *testing.T) Config {
	t.Helper()
	return Config{Slot: 3, Dir: t.TempDir(), BinDir: "/opt/tools"}
}
