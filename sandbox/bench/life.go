package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"k8s-tunnel/sandbox/load"
)

const (
	// rounds is how often each way is set up and torn down. The table has the medians.
	rounds = 3
	// warmUp is how long the load runs before something changes.
	warmUp = 5 * time.Second
	// patience is the longest that the benchmark waits for anything.
	patience = 3 * time.Minute
)

// contender is a way together with its measurements.
type contender struct {
	way  way
	name string

	first, setUp, again, tearDown []float64 // seconds, one for each round
	change, rotation              underLoad
	left                          int // records after the tunnel is gone
}

// underLoad is a change that was made while requests came in.
type underLoad struct {
	seconds      float64
	sent, failed int
	gap          float64 // longest time without an answer, in seconds
}

// live follows a tunnel from nothing to its end. In the last round it changes on
// the way.
func (b *bench) live(ctx context.Context, c *contender, last bool) error {
	if err := b.setUp(ctx, c); err != nil {
		return err
	}
	again, err := timed("the same again", func() error { return c.way.again(ctx) })
	if err != nil {
		return err
	}
	c.again = append(c.again, again)
	if last {
		if err := b.inUse(ctx, c); err != nil {
			return err
		}
	}
	tearDown, err := timed("tearing down", func() error { return c.way.tearDown(ctx) })
	if err != nil {
		return err
	}
	c.tearDown = append(c.tearDown, tearDown)
	c.left, err = b.deleteRecords(ctx)
	return err
}

// setUp sets a tunnel up and sends requests from the beginning.
func (b *bench) setUp(ctx context.Context, c *contender) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	type answer struct {
		seconds float64
		err     error
	}
	answered := make(chan answer, 1)
	go func() {
		seconds, err := timed("the first answered request", func() error { return b.untilAnswered(ctx) })
		answered <- answer{seconds, err}
	}()
	setUp, err := timed("setting up", func() error { return c.way.setUp(ctx) })
	if err != nil {
		cancel()
		return errors.Join(err, (<-answered).err)
	}
	first := <-answered
	c.setUp, c.first = append(c.setUp, setUp), append(c.first, first.seconds)
	return first.err
}

// inUse measures a tunnel that requests come through, and what changes do to them.
func (b *bench) inUse(ctx context.Context, c *contender) error {
	if _, ok := c.way.(program); ok { // by hand it is the same cloudflared
		if err := b.compareRequests(ctx); err != nil {
			return err
		}
	}
	return b.changes(ctx, c)
}

// changes makes changes under load. What a change leaves unfinished, such as connectors
// that are still leaving, counts as part of it.
func (b *bench) changes(ctx context.Context, c *contender) error {
	if err := b.settled(ctx); err != nil {
		return err
	}
	g := load.Start(b.FrontAddr(), b.AppHosts(), "before")
	time.Sleep(warmUp)
	step := func(name string, change func(context.Context) error, into *underLoad) (err error) {
		g.Phase(name)
		into.seconds, err = timed(name+" under load", func() error { return change(ctx) })
		return errors.Join(err, b.settled(ctx))
	}
	err := step("change", c.way.change, &c.change)
	if err == nil {
		err = step("rotation", c.way.rotate, &c.rotation)
	}
	report := g.Stop()
	fmt.Println()
	if err := errors.Join(err, report.Write(os.Stdout)); err != nil {
		return err
	}
	c.change.read(report[1])
	c.rotation.read(report[2])
	return nil
}

// read copies the load's figures for the change.
func (u *underLoad) read(p *load.Phase) {
	u.sent, u.failed, u.gap = p.Sent(), p.Failed(), p.LongestGap().Seconds()
}

// settled waits until no pod is on its way out and all apps answer.
func (b *bench) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		cmd := b.Command(ctx, "kubectl", "get", "pods", "-A", "-o", "jsonpath={.items[*].metadata.deletionTimestamp}")
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("listing pods: %w", err)
		}
		if strings.TrimSpace(string(out)) == "" {
			return b.untilAnswered(ctx)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// untilAnswered waits until all apps answer.
func (b *bench) untilAnswered(ctx context.Context) error {
	c := client(b.FrontAddr())
	defer c.CloseIdleConnections()
	for _, host := range b.AppHosts() {
		for !answers(ctx, c, host) {
			select {
			case <-ctx.Done():
				return fmt.Errorf("waiting for an answer of %s: %w", host, ctx.Err())
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

func answers(ctx context.Context, c *http.Client, host string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/api/info", nil)
	if err != nil {
		return false
	}
	resp, err := c.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// deleteRecords deletes the records that a way left behind, so that the next one starts
// from nothing too, and returns their number.
func (b *bench) deleteRecords(ctx context.Context) (int, error) {
	left, err := b.Control().State(ctx)
	if err != nil {
		return 0, err
	}
	if tunnels := left.Live(); len(tunnels) > 0 {
		return 0, fmt.Errorf("tunnel %s is left", tunnels[0].Name)
	}
	for _, record := range left.Records {
		if err := b.DeleteAtCloudflare(ctx, "/zones/"+record.ZoneID+"/dns_records/"+record.ID); err != nil {
			return 0, err
		}
	}
	return len(left.Records), nil
}

// timed runs a step and returns how many seconds it took.
func timed(what string, step func() error) (float64, error) {
	began := time.Now()
	err := step()
	seconds := time.Since(began).Seconds()
	if err != nil {
		return seconds, fmt.Errorf("%s: %w", what, err)
	}
	fmt.Printf("  %s took %.2f s\n", what, seconds)
	return seconds, nil
}
