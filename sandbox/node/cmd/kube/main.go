// Command kube is Kubernetes in one binary: the control plane with its etcd, the node's programs, and kubectl.
//
// Everything in it is upstream's code, called through the entry points that upstream's own mains call. One binary
// instead of seven links the shared two thirds only once (144 MB instead of 700) and lets the control plane share
// a process, which on a small machine halves both its memory and the time until it answers.
//
//	kube control FILE       etcd, API server, controller manager and scheduler, set up by FILE
//	kube kubelet FLAGS      upstream's kubelet
//	kube kube-proxy FLAGS   upstream's kube-proxy
//	kube kubectl ARGS       upstream's kubectl, also reached through a link to this binary named kubectl
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // the metrics that upstream's mains register
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

const usage = "usage: kube control FILE | kubelet FLAGS | kube-proxy FLAGS | kubectl ARGS"

func main() {
	if filepath.Base(os.Args[0]) != "kubectl" {
		if len(os.Args) < 2 {
			fmt.Fprintln(os.Stderr, usage)
			os.Exit(2)
		}
		// Upstream's commands read os.Args themselves, so each must find its own name in front.
		os.Args = os.Args[1:]
	}
	os.Exit(run(filepath.Base(os.Args[0])))
}

// run hands the process to one program and returns its exit code.
func run(program string) int {
	switch program {
	case "control":
		if err := control(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "control:", err)
			return 1
		}
		return 0
	case "kubelet":
		return cli.Run(kubelet.NewKubeletCommand(context.Background()))
	case "kube-proxy":
		return cli.Run(proxy.NewProxyCommand())
	case "kubectl":
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			kubectlutil.CheckErr(err) // prints as kubectl does and exits
		}
		return 0
	default:
		fmt.Fprintf(os.Stderr, "unknown program %q\n%s\n", program, usage)
		return 2
	}
}
