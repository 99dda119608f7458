// Package cli is the command line of the local world. Each command is a few lines: what
// it does is in package world.
package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"k8s-tunnel/sandbox/cluster"
	"k8s-tunnel/sandbox/world"
)

// Main runs the command line and returns the exit code.
func Main(args []string) int {
	if code, ok := Hidden(args); ok {
		return code
	}
	return run(args)
}

// Hidden runs the command if it is one of those that start the world's parts, which
// aren't meant for people. A program that brings worlds up has to call it before
// anything else, because it is that program that is started again.
func Hidden(args []string) (code int, ok bool) {
	switch {
	case len(args) == 0:
		return 0, false
	case args[0] == cluster.InitCommand:
		return cluster.InitMain(args[1:]), true
	case args[0] == world.CloudflareCommand:
		return run(args), true
	}
	return 0, false
}

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "\nerror: %v\n", err)
		return 1
	}
	return 0
}

// options are the flags common to all commands.
type options struct {
	world     string
	noCluster bool
}

// open returns the world that the flags name.
func (o *options) open() (*world.World, error) {
	w, err := world.Open(o.world)
	if err != nil {
		return nil, err
	}
	w.NoCluster = w.NoCluster || o.noCluster
	return w, nil
}

func newRoot() *cobra.Command {
	o := &options{}
	root := &cobra.Command{
		Use:           "sandbox",
		Short:         "The local world: a Kubernetes node, Cloudflare, and a Pulumi pointed at both",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().StringVar(&o.world, "world", world.DefaultName, "name of the world; several can be up side by side")
	root.PersistentFlags().BoolVar(&o.noCluster, "no-cluster", false, "leave the node out and run Cloudflare alone, which needs no root")
	root.AddCommand(
		o.up(),
		o.command("down", "Stop the world and remove all that it made", func(cmd *cobra.Command, w *world.World) error {
			return w.Down(cmd.Context(), cmd.OutOrStdout())
		}),
		o.command("status", "Show what the world is made of and what is exposed", func(cmd *cobra.Command, w *world.World) error {
			return w.Status(cmd.Context(), cmd.OutOrStdout())
		}),
		o.command("env", "Print export lines that point other clients at the world", func(cmd *cobra.Command, w *world.World) error {
			if err := w.CheckAddresses(cmd.Context()); err != nil {
				return err
			}
			for _, v := range w.Env() {
				fmt.Fprintf(cmd.OutOrStdout(), "export %s=%s\n", v.Name, quote(v.Value))
			}
			return nil
		}),
		o.command("deploy", "Run pulumi up on the dev stack and send a request through the tunnel", func(cmd *cobra.Command, w *world.World) error {
			if err := w.Deploy(cmd.Context(), cmd.OutOrStdout()); err != nil {
				return err
			}
			return w.Show(cmd.Context(), cmd.OutOrStdout())
		}),
		o.command("destroy", "Run pulumi destroy on the dev stack", func(cmd *cobra.Command, w *world.World) error {
			return w.Undeploy(cmd.Context(), cmd.OutOrStdout())
		}),
		o.tools(),
		o.cloudflareDaemon(),
	)
	return root
}

func (o *options) command(name, short string, run func(*cobra.Command, *world.World) error) *cobra.Command {
	return &cobra.Command{
		Use:   name,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := o.open()
			if err != nil {
				return err
			}
			return run(cmd, w)
		},
	}
}

// up starts the world. How slow Cloudflare is stays as it was, unless the flag is given.
func (o *options) up() *cobra.Command {
	var realLatency, deploy bool
	cmd := o.command("up", "Build what is missing and start the world", func(cmd *cobra.Command, w *world.World) error {
		ctx, out := cmd.Context(), cmd.OutOrStdout()
		if deploy {
			if err := w.UpAndDeploy(ctx, out); err != nil {
				return err
			}
			return w.Show(ctx, out)
		}
		if err := w.Up(ctx, out); err != nil {
			return err
		}
		if !cmd.Flags().Changed("real-latency") {
			return nil
		}
		return w.SetRealLatency(ctx, realLatency)
	})
	cmd.Flags().BoolVar(&deploy, "deploy", false, "also run pulumi up on the dev stack, and send a request through the tunnel")
	cmd.Flags().BoolVar(&realLatency, "real-latency", false,
		"let Cloudflare's API, and its notice of dead connectors, take as long as in reality, until the world goes down")
	cmd.MarkFlagsMutuallyExclusive("deploy", "real-latency")
	return cmd
}

// tools builds without starting anything.
func (o *options) tools() *cobra.Command {
	var lint bool
	cmd := o.command("tools", "Build the world's tools where they are missing", func(cmd *cobra.Command, w *world.World) error {
		return w.Tools(cmd.Context(), cmd.OutOrStdout(), lint)
	})
	cmd.Flags().BoolVar(&lint, "lint", false, "the linters too")
	return cmd
}

// cloudflareDaemon is the process that `up` starts; it isn't meant for people.
func (o *options) cloudflareDaemon() *cobra.Command {
	var root string
	cmd := &cobra.Command{
		Use:    world.CloudflareCommand,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := world.OpenIn(root, o.world)
			if err != nil {
				return err
			}
			w.NoCluster = o.noCluster
			return w.ServeCloudflare(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&root, "root", "", "the clone's root")
	return cmd
}

// quote makes a value safe for a shell's export line.
func quote(value string) string {
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
