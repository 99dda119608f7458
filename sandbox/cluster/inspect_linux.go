package cluster

import (
	"context"
	"fmt"
	"time"
)

// Inspect looks at the node without changing anything. It waits for nothing, not even for a command
// that is starting or stopping the node.
func Inspect(ctx context.Context, c Config) (Status, error) {
	c, err := resolve(c)
	if err != nil {
		return Status{}, err
	}
	if _, running := findInit(c); !running {
		return Status{}, nil
	}
	attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return Status{Running: true, Problem: problem(attempt, c)}, ctx.Err()
}

// problem describes what doesn't work, and is empty if all is well.
func problem(ctx context.Context, c Config) string {
	if err := componentsReady(c); err != nil {
		return err.Error()
	}
	client, err := newAPIClient(c)
	if err != nil {
		return err.Error()
	}
	defer client.close()
	if err := nodeReady(ctx, client, c, time.Time{}); err != nil {
		return err.Error()
	}
	if err := dnsAnswers(ctx, c); err != nil {
		return err.Error()
	}
	return ""
}

// foreignOwner names the other owner of this slot, and is empty if there is none.
func foreignOwner(c Config) string {
	label, exists := linkLabel(c.Name())
	if !exists || label == c.ownerLabel() {
		return ""
	}
	if label == "" {
		return "something that isn't of this project"
	}
	return fmt.Sprintf("%q", label)
}
