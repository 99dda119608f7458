// Package policy translates networking.k8s.io/v1 NetworkPolicies into an
// nftables ruleset for the pods of one node.
//
// It does what the policy half of a network plugin does (the semantics are those
// of the API's own documentation, k8s.io/api/networking/v1), and only that: it is a pure
// function from pods, namespaces and policies to text. Who watches the API
// server and runs nft is cmd/netpol's business.
//
// It is written for a cluster that is one IPv4 node whose pods are routed, one veth each,
// as the ptp CNI plugin sets them up. It differs from the network plugins of larger clusters:
//
//   - All pods are local, so both ends of a connection between pods are judged in
//     one pass of the forward hook.
//   - IPv6 blocks are skipped, since nothing can match them.
//   - Egress to the node's own addresses, the API server's among them, is filtered as well,
//     where some plugins let everything pass that stays on the node.
//   - Connections that are established when a policy arrives live on: rules judge
//     the first packet, connection tracking lets the rest and the replies through.
//   - Nothing that a pod's address sends or receives passes before that address is known to
//     belong to a pod, so there is no moment in which a new pod is unfiltered.
//
// Kubernetes has an agent of its own, sigs.k8s.io/kube-network-policies. It isn't used here
// because, as of v0.8.0, it filters in the postrouting hook alone (all but DNS over UDP, which it
// judges earlier). What a pod sends to its own node is delivered through the input hook and never
// gets there, so with only one node API server and kubelet would be open to every pod whatever
// its policies say, and the end-to-end tests that knock at both from a connector would fail.
package policy
