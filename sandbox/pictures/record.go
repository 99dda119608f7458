package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// columns is the width of the terminal that is recorded. Its height is such that nothing scrolls.
const columns = 100

// leftOut are lines that say where something lies on this machine, or are details beside the result.
// An ellipsis takes the place of each group of them.
var leftOut = regexp.MustCompile(`^(` + strings.Join([]string{
	`…`,
	`Compiling `, `Building `, `Go keeps `, `When interrupted`, `built `, `Tools ready:`, `  [a-z]`,
	`starting `, `importing `, `waiting `, `k8st0 `,
	`Updating `, `Destroying `, `Diagnostics:`, `Outputs:`, `  - `, `    [a-z\[\]]`, `        \[`, `Resources:`, `Duration:`,
	` \+   .*pulumi:(pulumi|providers):`, `.*edge-origin-`,
	`Cluster  `, `Open them `,
	` -  `, `     (Type|pulumi:)`, `The resources `, `If you want `, ` ~ `,
}, "|") + `)`)

// record runs the two commands in a terminal, and writes what it shows at the end into a file.
func record(ctx context.Context, file string) error {
	var all [][]cell
	for _, command := range []string{"make up", "make down"} {
		shown, err := show(ctx, command)
		if err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		var prompt screen
		fmt.Fprintf(&prompt, "\x1b[1m$ %s\x1b[0m", command)
		all = append(all, prompt.lines...)
		all = append(all, shorten(shown)...)
	}
	return os.WriteFile(file, encoded(all), 0o644)
}

// show runs a command in the clone's root, in a terminal made by script(1).
func show(ctx context.Context, command string) ([][]cell, error) {
	var printed bytes.Buffer
	cmd := exec.CommandContext(ctx, "script", "--quiet", "--return", "--command",
		fmt.Sprintf("stty rows 500 cols %d; exec %s", columns, command), os.DevNull)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "MAKEFLAGS=--no-print-directory")
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&printed, os.Stdout), os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	var s screen
	_, _ = s.Write(printed.Bytes())
	return s.trimmed(), nil
}

// shorten leaves lines out, and blank ones at the beginning, at the end and beside those left out.
func shorten(lines [][]cell) [][]cell {
	var kept [][]cell
	gap := false
	for _, line := range lines {
		text := plain(line)
		switch {
		case leftOut.MatchString(text):
			gap = true
		case strings.TrimSpace(text) != "":
			if gap {
				kept = append(kept, []cell{{char: '…'}})
			}
			kept, gap = append(kept, line), false
		}
	}
	if gap {
		kept = append(kept, []cell{{char: '…'}})
	}
	return kept
}
