package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/version"
	apitypes "k8s.io/apimachinery/pkg/types"
)

const (
	// addTimeout lets pods of a starting node wait for the agent. When it is
	// over, the kubelet tries again.
	addTimeout = 30 * time.Second
	// removeTimeout is short: a pod must be removable without the agent.
	removeTimeout = 2 * time.Second
)

// pluginConfig is the plugin's entry in the network's list.
type pluginConfig struct {
	types.PluginConf
	// Socket is the agent's; the default is the agent's default.
	Socket string `json:"socket,omitempty"`
}

// podArgs are the runtime's words about the pod.
type podArgs struct {
	types.CommonArgs
	K8S_POD_NAMESPACE types.UnmarshallableString //nolint:revive,staticcheck // the library matches names
	K8S_POD_NAME      types.UnmarshallableString //nolint:revive,staticcheck // the library matches names
	K8S_POD_UID       types.UnmarshallableString //nolint:revive,staticcheck // the library matches names
}

// pluginMain is the process that the container runtime runs.
func pluginMain() {
	skel.PluginMainFuncs(skel.CNIFuncs{
		Add:   pluginAdd,
		Del:   pluginRemove,
		Check: func(*skel.CmdArgs) error { return nil },
	}, version.VersionsStartingFrom("0.4.0"), "netpol: makes a pod wait for its network policies")
}

// pluginAdd holds the pod back until its rules are in force, and hands on the
// result of the plugins before it.
func pluginAdd(args *skel.CmdArgs) error {
	config, s, err := readArgs(args)
	if err != nil {
		return err
	}
	if config.PrevResult == nil {
		return errors.New("netpol must come after the plugin that gives out the address")
	}
	if s.Addr.IsValid() {
		ctx, cancel := context.WithTimeout(context.Background(), addTimeout)
		defer cancel()
		if err := call(ctx, config.Socket, pathAdd, s); err != nil {
			return err
		}
	}
	return types.PrintResult(config.PrevResult, config.CNIVersion)
}

// pluginRemove gives the address back. Without an agent there is nobody to
// tell: the next one learns from the API that the pod is gone.
func pluginRemove(args *skel.CmdArgs) error {
	config, s, err := readArgs(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	_ = call(ctx, config.Socket, pathRemove, s)
	return nil
}

// readArgs gathers what the runtime passes by environment and standard input.
func readArgs(args *skel.CmdArgs) (pluginConfig, sandbox, error) {
	config := pluginConfig{Socket: defaultSocket}
	if err := json.Unmarshal(args.StdinData, &config); err != nil {
		return config, sandbox{}, fmt.Errorf("reading network configuration: %w", err)
	}
	if err := version.ParsePrevResult(&config.PluginConf); err != nil {
		return config, sandbox{}, fmt.Errorf("reading previous result: %w", err)
	}
	var pod podArgs
	if err := types.LoadArgs(args.Args, &pod); err != nil {
		return config, sandbox{}, fmt.Errorf("reading CNI_ARGS: %w", err)
	}
	addr, err := address(config.PrevResult)
	return config, sandbox{
		ID:        args.ContainerID,
		Namespace: string(pod.K8S_POD_NAMESPACE),
		Name:      string(pod.K8S_POD_NAME),
		UID:       apitypes.UID(pod.K8S_POD_UID),
		Addr:      addr,
	}, err
}

// address returns the pod's IPv4 address, or none.
func address(result types.Result) (netip.Addr, error) {
	if result == nil {
		return netip.Addr{}, nil
	}
	r, err := current.GetResult(result)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("converting previous result: %w", err)
	}
	for _, ip := range r.IPs {
		if addr, ok := netip.AddrFromSlice(ip.Address.IP); ok && addr.Unmap().Is4() {
			return addr.Unmap(), nil
		}
	}
	return netip.Addr{}, nil
}
