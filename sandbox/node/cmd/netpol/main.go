// Netpol enforces NetworkPolicy for the pods of the one node it runs on.
//
// It stands in for the policy half of a network plugin such as Calico or
// kube-network-policies, and comes in two halves of its own. The agent watches pods,
// namespaces and policies, translates them (package policy) and hands the rules
// to nft in one transaction. The CNI plugin, the same binary called by the container
// runtime, comes last in the network's chain: it tells the agent which pod is about
// to get which address, and lets the pod start only when its rules are in the kernel.
//
//	{"type": "netpol"}   in the conflist, after ptp
//
// So no pod is ever without its rules: addresses in the pod subnet that the agent
// doesn't know are cut off, and a pod runs only after its address is known. What
// remains is a policy that is created or changed at the very moment in which the pod
// starts: it applies some milliseconds later, as it does to pods that run already.
// Without the plugin in the chain the agent learns addresses from the pods' status, and
// a new pod has no network for the first second or so.
//
// The rules stay when the agent ends, so a crash opens nothing; no new pod starts until
// it is back. Until the kubelet has reported them, pods that started just before a crash
// are cut off.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"k8s-tunnel/sandbox/node/policy"
)

// defaultSocket is where the plugin looks for the agent unless its network
// configuration says otherwise. The node's /run is its own.
const defaultSocket = "/run/netpol.sock"

func main() {
	// The runtime tells a plugin by the environment what to do.
	if os.Getenv("CNI_COMMAND") != "" {
		pluginMain()
		return
	}
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	if err := agentMain(); err != nil {
		log.Fatalf("netpol: %v", err)
	}
}

func agentMain() error {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig `file` with the right to list and watch pods, namespaces and network policies")
	subnet := flag.String("pod-subnet", "", "`CIDR` of all pod addresses, such as 10.128.0.0/16")
	readyFile := flag.String("ready-file", "", "`file` to create once the first rules are in place")
	socket := flag.String("socket", defaultSocket, "unix `socket` for the CNI plugin")
	var standIns []policy.StandIn
	flag.Func("stand-in", "`RANGE=RANGE`: policies that open the first, of the internet, open the second, of this machine; may be repeated", func(s string) error {
		standIn, err := parseStandIn(s)
		standIns = append(standIns, standIn)
		return err
	})
	flag.Parse()
	podSubnet, err := parseSubnet(*subnet)
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return fmt.Errorf("reading kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("creating API client: %w", err)
	}
	// A file left by a predecessor must not speak for this process.
	if err := os.Remove(*readyFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing ready file: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	a := newAgent(client, podSubnet, standIns, nft)
	return a.run(ctx, *socket, func() error { return touch(*readyFile) })
}

// parseSubnet accepts what the rules can be written for.
func parseSubnet(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("-pod-subnet: %w", err)
	}
	if !p.Addr().Is4() {
		return p, fmt.Errorf("-pod-subnet: %s is not an IPv4 range", s)
	}
	return p.Masked(), nil
}

func parseStandIn(s string) (policy.StandIn, error) {
	of, is, _ := strings.Cut(s, "=")
	var out policy.StandIn
	var err1, err2 error
	out.For, err1 = netip.ParsePrefix(of)
	out.Is, err2 = netip.ParsePrefix(is)
	return out, errors.Join(err1, err2)
}

func touch(file string) error {
	if file == "" {
		return nil
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		return fmt.Errorf("writing ready file: %w", err)
	}
	return nil
}
