// Package git runs git.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// Output runs a command of git in a folder and returns what it prints. If it fails, the error says what
// git complained about.
func Output(ctx context.Context, folder string, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", folder}, args...)...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(exit.Stderr))
	}
	if err != nil {
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return out, nil
}
