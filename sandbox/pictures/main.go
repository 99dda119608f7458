// Command pictures draws the pictures of README.md into the directory assets, each for a light and for
// a dark page:
//
//	make pictures    # from their sources in this directory
//	make still       # records a run of `make up` and `make down` first
//
// The overview comes from overview.svg.tmpl. The still of the terminal comes from terminal.ansi, which
// is what a real run has printed, as a terminal shows it at the end: to see it, print the file.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

const (
	assets    = "../assets"
	recording = "pictures/terminal.ansi"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	if len(args) > 0 && args[0] == "record" {
		if err := record(ctx, recording); err != nil {
			return err
		}
	}
	pictures, err := draw(recording)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(assets, 0o755); err != nil {
		return err
	}
	for name, content := range pictures {
		if err := os.WriteFile(filepath.Join(assets, name), content, 0o644); err != nil {
			return err
		}
		fmt.Println("drew assets/" + name)
	}
	return nil
}
