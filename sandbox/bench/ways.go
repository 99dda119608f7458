package main

import (
	"context"
	"os"
	"path/filepath"

	"k8s-tunnel/sandbox/handmade"
	"k8s-tunnel/sandbox/project"
)

// way is one way to run a tunnel: with the program, or by hand without it. The same
// code measures both.
type way interface {
	// setUp makes a tunnel, its names and its connectors from nothing.
	setUp(ctx context.Context) error
	// again applies what is there already.
	again(ctx context.Context) error
	// change switches to another origin.
	change(ctx context.Context) error
	// rotate replaces the tunnel's secret.
	rotate(ctx context.Context) error
	// tearDown removes everything that this way knows how to remove.
	tearDown(ctx context.Context) error
}

// program is a stack of the program, with the settings of the README's first steps
// and the defaults of everything else.
type program struct{ *project.Stack }

func (b *bench) newProgram(ctx context.Context) (*contender, error) {
	p, err := project.Copy(ctx, b.World)
	if err != nil {
		return nil, err
	}
	stack, err := p.NewStack(ctx, "bench")
	if err != nil {
		return nil, err
	}
	if err := stack.Configure(ctx, project.Settings(b.World)); err != nil {
		return nil, err
	}
	// The first command that runs the program compiles it, which isn't what is
	// measured here.
	if _, err := timed("a preview, which compiles the program", func() error { return program{stack}.preview(ctx) }); err != nil {
		return nil, err
	}
	return &contender{name: "the program", way: program{stack}}, nil
}

func (p program) preview(ctx context.Context) error {
	_, err := p.Run(ctx, "preview")
	return err
}

func (p program) setUp(ctx context.Context) error { return p.Up(ctx) }

func (p program) again(ctx context.Context) error { return p.Up(ctx) }

func (p program) change(ctx context.Context) error {
	if err := p.Set(ctx, "origin", project.OtherOrigin); err != nil {
		return err
	}
	return p.Up(ctx)
}

func (p program) rotate(ctx context.Context) error {
	if err := p.Set(ctx, "rotation", "bench"); err != nil {
		return err
	}
	return p.Up(ctx)
}

func (p program) tearDown(ctx context.Context) error { return p.Destroy(ctx) }

// byHand is cloudflared's own commands and a manifest.
type byHand struct{ *handmade.Tunnel }

func (b *bench) newByHand() (*contender, error) {
	home := filepath.Join(b.Dir(), handmade.Name)
	return &contender{name: "by hand", way: byHand{handmade.New(b.World, home)}}, os.MkdirAll(home, 0o700)
}

func (h byHand) setUp(ctx context.Context) error {
	if err := h.Create(ctx); err != nil {
		return err
	}
	if err := h.RouteNames(ctx); err != nil {
		return err
	}
	return h.Start(ctx)
}

// again repeats the commands that can be repeated.
func (h byHand) again(ctx context.Context) error {
	if err := h.RouteNames(ctx); err != nil {
		return err
	}
	return h.Apply(ctx, handmade.Origin)
}

func (h byHand) change(ctx context.Context) error {
	if err := h.Apply(ctx, project.OtherOrigin); err != nil {
		return err
	}
	return h.Restart(ctx)
}

// rotate deletes the tunnel and makes it again: cloudflared has no command that changes
// a secret, and a tunnel with connectors can't be deleted.
func (h byHand) rotate(ctx context.Context) error {
	if err := h.tearDown(ctx); err != nil {
		return err
	}
	return h.setUp(ctx)
}

func (h byHand) tearDown(ctx context.Context) error { return h.Remove(ctx) }
