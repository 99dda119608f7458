package components

import (
	"cmp"
	"slices"
)

// IngressRule hands the requests that it matches to a service. The first rule
// that matches wins. A rule matches every host without a Hostname, and every
// path without a Path.
type IngressRule struct {
	// Hostname is a full host name, or one that begins with *. and then
	// matches every name below, at any depth, but not the name itself.
	Hostname string `pulumi:"hostname" yaml:"hostname,omitempty"`
	// Path is a regular expression of Go's syntax that is searched for in the
	// request's path: anchor it (^/api/) to match a prefix.
	Path string `pulumi:"path" yaml:"path,omitempty"`
	// Service is the origin: scheme://host[:port] with one of the schemes http,
	// https, ws, wss, tcp, ssh, rdp and smb and without a path;
	// unix:/path or unix+tls:/path; http_status:404; hello_world; bastion; or
	// socks-proxy. Required, except with OriginRequest.BastionMode.
	Service string `pulumi:"service" yaml:"service"`
	// OriginRequest overrides, field by field, the arguments' OriginRequest.
	OriginRequest *OriginRequest `pulumi:"originRequest" yaml:"originRequest,omitempty"`
}

// OriginRequest is how cloudflared talks to an origin: all fields that its
// version 2026.3.0 knows. What is left unset has cloudflared's own default,
// which is given here. Durations are written as Go does, such as 30s or 1m30s.
type OriginRequest struct {
	// ConnectTimeout is the longest time a TCP connection may take: 30s.
	ConnectTimeout *string `pulumi:"connectTimeout" yaml:"connectTimeout,omitempty"`
	// TLSTimeout is the longest time a TLS handshake may take: 10s.
	TLSTimeout *string `pulumi:"tlsTimeout" yaml:"tlsTimeout,omitempty"`
	// TCPKeepAlive is the interval of TCP keep-alive packets: 30s.
	TCPKeepAlive *string `pulumi:"tcpKeepAlive" yaml:"tcpKeepAlive,omitempty"`
	// NoHappyEyeballs turns the fallback from IPv6 to IPv4 off.
	NoHappyEyeballs *bool `pulumi:"noHappyEyeballs" yaml:"noHappyEyeballs,omitempty"`
	// KeepAliveConnections is the number of idle connections kept: 100.
	KeepAliveConnections *int `pulumi:"keepAliveConnections" yaml:"keepAliveConnections,omitempty"`
	// KeepAliveTimeout is how long an idle connection is kept: 30s, unlike
	// cloudflared's own 1m30s, before which many origins hang up.
	KeepAliveTimeout *string `pulumi:"keepAliveTimeout" yaml:"keepAliveTimeout,omitempty"`
	// HTTPHostHeader replaces the request's Host header.
	HTTPHostHeader *string `pulumi:"httpHostHeader" yaml:"httpHostHeader,omitempty"`
	// OriginServerName is the name to expect on the origin's certificate.
	OriginServerName *string `pulumi:"originServerName" yaml:"originServerName,omitempty"`
	// MatchSNIToHost expects the request's host name on the certificate.
	MatchSNIToHost *bool `pulumi:"matchSNItoHost" yaml:"matchSNItoHost,omitempty"`
	// CAPool is the file, in the connector's container, of the authority that
	// signed the origin's certificate.
	CAPool *string `pulumi:"caPool" yaml:"caPool,omitempty"`
	// NoTLSVerify takes any certificate of the origin.
	NoTLSVerify *bool `pulumi:"noTLSVerify" yaml:"noTLSVerify,omitempty"`
	// DisableChunkedEncoding is for WSGI servers, which can't read it.
	DisableChunkedEncoding *bool `pulumi:"disableChunkedEncoding" yaml:"disableChunkedEncoding,omitempty"`
	// BastionMode lets the client choose the destination, whatever the rule's
	// service says.
	BastionMode *bool `pulumi:"bastionMode" yaml:"bastionMode,omitempty"`
	// ProxyAddress is the address that a proxy listens on: 127.0.0.1.
	ProxyAddress *string `pulumi:"proxyAddress" yaml:"proxyAddress,omitempty"`
	// ProxyPort is the port that a proxy listens on: 0, any.
	ProxyPort *int `pulumi:"proxyPort" yaml:"proxyPort,omitempty"`
	// ProxyType is socks for a SOCKS5 proxy, or empty.
	ProxyType *string `pulumi:"proxyType" yaml:"proxyType,omitempty"`
	// IPRules says which destinations the service socks-proxy may connect to.
	// The first that matches wins; what none matches is denied.
	IPRules []IPRule `pulumi:"ipRules" yaml:"ipRules,omitempty"`
	// HTTP2Origin talks HTTP/2 to an https origin, as gRPC needs.
	HTTP2Origin *bool `pulumi:"http2Origin" yaml:"http2Origin,omitempty"`
	// Access lets through only what Cloudflare Access has authenticated.
	Access *Access `pulumi:"access" yaml:"access,omitempty"`
}

// IPRule allows or denies destinations of a SOCKS proxy.
type IPRule struct {
	// Prefix is a CIDR, such as 10.0.0.0/8 or fd00::/8. Required.
	Prefix string `pulumi:"prefix" yaml:"prefix"`
	// Ports are the ports the rule is about; all when empty.
	Ports []int `pulumi:"ports" yaml:"ports,omitempty"`
	// Allow decides what the rule does.
	Allow bool `pulumi:"allow" yaml:"allow"`
}

// Access is the check of Cloudflare Access' token on each request.
type Access struct {
	// Required turns the check on.
	Required bool `pulumi:"required" yaml:"required"`
	// TeamName is the team's part of <team>.cloudflareaccess.com.
	TeamName string `pulumi:"teamName" yaml:"teamName"`
	// AudTag are the application tags of which the token has to carry one.
	AudTag []string `pulumi:"audTag" yaml:"audTag"`
	// Environment is fed for FedRAMP teams, and otherwise empty.
	Environment string `pulumi:"environment" yaml:"environment,omitempty"`
}

// matchesAll tells whether every request matches the rule.
func (r IngressRule) matchesAll() bool {
	return (r.Hostname == "" || r.Hostname == "*") && r.Path == ""
}

// effectiveIngress returns the rules that the connectors get: those of the
// arguments, and the origin for what none of them matches.
func effectiveIngress(args *CloudflareTunnelArgs) []IngressRule {
	rules := slices.Clone(args.Ingress)
	if n := len(rules); n == 0 || !rules[n-1].matchesAll() {
		rules = append(rules, IngressRule{Service: cmp.Or(args.Origin, DefaultOrigin)})
	}
	for i, rule := range rules {
		rules[i].OriginRequest = rule.OriginRequest.inherit(args.OriginRequest)
	}
	return rules
}

// inherit returns r with the defaults that cloudflared doesn't hand down by
// itself: it looks for these two in the rules alone, so that an access set for
// all would protect nothing.
func (r *OriginRequest) inherit(defaults *OriginRequest) *OriginRequest {
	if defaults == nil || defaults.Access == nil && defaults.IPRules == nil {
		return r
	}
	merged := OriginRequest{}
	if r != nil {
		merged = *r
	}
	if merged.Access == nil {
		merged.Access = defaults.Access
	}
	if merged.IPRules == nil {
		merged.IPRules = defaults.IPRules
	}
	return &merged
}
