// Command automation deploys a stack without Pulumi's command line, by the Automation API: preview
// shows the changes, up makes them, destroy removes everything.
//
// The token is read from CLOUDFLARE_API_TOKEN.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"

	"k8s-tunnel/components/program"
)

const (
	project   = "k8s-tunnel"
	stackName = "automation" // change this
)

// settings are those of the stack. Lists and objects are written as in JSON.
func settings() auto.ConfigMap {
	return auto.ConfigMap{
		"k8s-tunnel:hostnames":  {Value: `["www.example.com", "wiki.example.com"]`}, // change this
		"k8s-tunnel:origin":     {Value: "http://traefik.kube-system"},              // change this unless the cluster is k3s
		"kubernetes:kubeconfig": {Value: kubeconfig()},
	}
}

// kubeconfig is the path of yours. The program isn't told where the providers look for one by themselves,
// and would deploy to another cluster without a word once that one's context was switched.
func kubeconfig() string {
	home, _ := os.UserHomeDir()
	path := cmp.Or(os.Getenv("KUBECONFIG"), filepath.Join(home, ".kube", "config"))
	if absolute, err := filepath.Abs(path); err == nil {
		return absolute
	}
	return path
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "automation:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("say what to do: preview, up or destroy")
	}
	// Ctrl-C ends an operation as it does on the command line. The terminal sends Ctrl-C to Pulumi too;
	// forwarding it would count as a second one, which makes Pulumi stop at once, and canceling ctx would
	// kill it after ten seconds. On Windows, Pulumi doesn't get Ctrl-C, and the operation goes on to its end.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	ctx := context.Background()
	// The settings' file is written anew each time.
	dir, err := os.MkdirTemp("", project)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	stack, err := auto.UpsertStackInlineSource(ctx, stackName, project, program.Run, auto.WorkDir(dir))
	if err != nil {
		return fmt.Errorf("opening the stack: %w", err)
	}
	if err := errors.Join(stack.SetAllConfig(ctx, settings()), setToken(ctx, stack.Workspace())); err != nil {
		return fmt.Errorf("setting up the stack: %w", err)
	}
	switch args[0] {
	case "preview":
		_, err = stack.Preview(ctx, optpreview.Refresh(), optpreview.ProgressStreams(os.Stdout))
		return err
	case "up":
		result, err := stack.Up(ctx, optup.Refresh(), optup.ProgressStreams(os.Stdout))
		if err != nil {
			return err
		}
		fmt.Println("names that lead to the cluster:", result.Outputs["hostnames"].Value)
		return nil
	case "destroy":
		_, err := stack.Destroy(ctx, optdestroy.Refresh(), optdestroy.ProgressStreams(os.Stdout))
		return err
	}
	return fmt.Errorf("%q is neither preview, up nor destroy", args[0])
}

// setToken stores the token as a secret. The workspace's own methods would show it to everybody who
// can list the machine's processes, as an argument of Pulumi's.
func setToken(ctx context.Context, workspace auto.Workspace) error {
	token := strings.NewReader(os.Getenv("CLOUDFLARE_API_TOKEN"))
	_, stderr, _, err := workspace.PulumiCommand().Run(ctx, workspace.WorkDir(), token, nil, nil, nil,
		"config", "set", "--secret", "cloudflare:apiToken", "--stack", stackName)
	if err != nil {
		return fmt.Errorf("cloudflare:apiToken: %w: %s", err, stderr)
	}
	return nil
}
