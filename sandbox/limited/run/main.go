// Command run runs a command with little memory, and says what it needed:
//
//	go -C sandbox run ./limited/run -memory 512 -dir .. -- go build -o /dev/null .
//
// It needs root, on Linux.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"k8s-tunnel/sandbox/limited"
)

func main() {
	memory := flag.Int64("memory", 0, "the most memory that it may use, in `MiB`; 0 only measures")
	dir := flag.String("dir", ".", "the `folder` to run it in")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "error: say which command to run")
		os.Exit(2)
	}
	// Each signal ends the command alone, so that its group can be removed. The terminal sends Ctrl-C to the
	// command too; forwarding it would count as a second one, which makes Pulumi stop at once.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	cmd := exec.CommandContext(ctx, flag.Arg(0), flag.Args()[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = *dir, os.Stdin, os.Stdout, os.Stderr
	usage, err := limited.Run(cmd, *memory*limited.MiB)
	fmt.Fprintln(os.Stderr, "memory:", usage)
	if state := cmd.ProcessState; state != nil {
		fmt.Fprintf(os.Stderr, "processor: %.0f s\n", (state.UserTime() + state.SystemTime()).Seconds())
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
