package cloudflared

// IngressRule passes the requests that it matches to a service. The first rule
// that matches wins. A rule without a hostname matches every host, and one
// without a path every path.
type IngressRule struct {
	// Hostname is a full host name. With a leading *. it matches every name
	// below, at any depth, but not the name itself.
	Hostname string `pulumi:"hostname" yaml:"hostname,omitempty"`
	// Path is a regular expression (Go syntax) that is searched for in the
	// request's path. To match a prefix, anchor it: ^/api/. The path is the one that was
	// sent, so ^/public/ matches /public/../admin: don't let a path decide who gets in.
	Path string `pulumi:"path" yaml:"path,omitempty"`
	// Service is where the requests go: scheme://host[:port] without a path,
	// with the scheme http, https, ws, wss, tcp, ssh, rdp or smb;
	// http_status:404; hello_world; bastion, like [OriginRequest.BastionMode];
	// socks-proxy; or unix:/path or unix+tls:/path below
	// [CloudflareTunnelArgs.ExistingPaths]. A Service has to exist, like that of
	// [CloudflareTunnelArgs.Origin]. To tcp, ssh, rdp and smb, clients connect with
	// `cloudflared access`; anybody can, unless Cloudflare Access is in front of the
	// name. Not used with bastionMode. Required.
	Service string `pulumi:"service" yaml:"service"`
	// OriginRequest overrides the common [OriginRequest] field by field.
	OriginRequest *OriginRequest `pulumi:"originRequest" yaml:"originRequest,omitempty"`
}

// OriginRequest says how cloudflared talks to a service. It has all fields that
// cloudflared 2026.3.0 knows. Durations have a unit, such as 30s or 1m30s.
type OriginRequest struct {
	// ConnectTimeout is how long connecting over TCP may take. Defaults to 30s.
	ConnectTimeout *string `pulumi:"connectTimeout" yaml:"connectTimeout,omitempty"`
	// TLSTimeout is how long a TLS handshake may take. Defaults to 10s.
	TLSTimeout *string `pulumi:"tlsTimeout" yaml:"tlsTimeout,omitempty"`
	// TCPKeepAlive is the interval between TCP keep-alive packets. A negative one turns
	// them off. Defaults to 30s.
	TCPKeepAlive *string `pulumi:"tcpKeepAlive" yaml:"tcpKeepAlive,omitempty"`
	// NoHappyEyeballs turns off the fallback between IPv6 and IPv4. Defaults to false.
	NoHappyEyeballs *bool `pulumi:"noHappyEyeballs" yaml:"noHappyEyeballs,omitempty"`
	// KeepAliveConnections is the largest number of idle connections that are
	// kept. Defaults to 100.
	KeepAliveConnections *int `pulumi:"keepAliveConnections" yaml:"keepAliveConnections,omitempty"`
	// KeepAliveTimeout is how long an idle connection is kept. cloudflared's own
	// default, 1m30s, is longer than many servers wait. Defaults to
	// [DefaultKeepAliveTimeout].
	KeepAliveTimeout *string `pulumi:"keepAliveTimeout" yaml:"keepAliveTimeout,omitempty"`
	// HTTPHostHeader replaces the request's Host header.
	HTTPHostHeader *string `pulumi:"httpHostHeader" yaml:"httpHostHeader,omitempty"`
	// OriginServerName is the host name that the service's certificate has to have.
	OriginServerName *string `pulumi:"originServerName" yaml:"originServerName,omitempty"`
	// MatchSNIToHost uses the request's host name to check the service's
	// certificate. Can't be combined with originServerName or http2Origin, which
	// cloudflared would drop. Defaults to false.
	MatchSNIToHost *bool `pulumi:"matchSNItoHost" yaml:"matchSNItoHost,omitempty"`
	// CAPool is a file with the certificate authority of the service, such as one
	// that [CloudflareTunnelArgs.Files] mounts.
	CAPool *string `pulumi:"caPool" yaml:"caPool,omitempty"`
	// NoTLSVerify accepts any certificate of the service. Defaults to false.
	NoTLSVerify *bool `pulumi:"noTLSVerify" yaml:"noTLSVerify,omitempty"`
	// DisableChunkedEncoding sends requests unchunked, as some WSGI servers
	// need. Defaults to false.
	DisableChunkedEncoding *bool `pulumi:"disableChunkedEncoding" yaml:"disableChunkedEncoding,omitempty"`
	// BastionMode lets the client choose the destination. The service's URL is
	// not used. [OriginRequest.Access] has to be required, because the client can
	// choose the connector itself as well. Defaults to false.
	BastionMode *bool `pulumi:"bastionMode" yaml:"bastionMode,omitempty"`
	// ProxyAddress has no effect: cloudflared accepts it, but doesn't use it any more.
	ProxyAddress *string `pulumi:"proxyAddress" yaml:"proxyAddress,omitempty"`
	// ProxyPort has no effect: cloudflared accepts it, but doesn't use it any more.
	ProxyPort *int `pulumi:"proxyPort" yaml:"proxyPort,omitempty"`
	// ProxyType is `socks` for a SOCKS5 proxy, or empty.
	ProxyType *string `pulumi:"proxyType" yaml:"proxyType,omitempty"`
	// IPRules are the destinations that the service socks-proxy allows or denies.
	// The first rule that matches wins; what none matches is denied. Port 2000 is
	// denied in any case, because there the connector itself answers. They don't say who
	// may visit, and have no effect on other services.
	IPRules []IPRule `pulumi:"ipRules" yaml:"ipRules,omitempty"`
	// HTTP2Origin uses HTTP/2 with an https service. That alone isn't enough for gRPC:
	// Cloudflare doesn't carry it to public names, and cloudflared loses its trailers
	// unless connector.protocol is http2. Defaults to false.
	HTTP2Origin *bool `pulumi:"http2Origin" yaml:"http2Origin,omitempty"`
	// Access lets only requests through that Cloudflare Access has authenticated.
	Access *Access `pulumi:"access" yaml:"access,omitempty"`
}

// IPRule allows or denies destinations of the service socks-proxy.
type IPRule struct {
	// Prefix is a range of addresses, such as 10.0.0.0/8 or fd00::/8. Required.
	Prefix string `pulumi:"prefix" yaml:"prefix"`
	// Ports are the ports that the rule is for. Defaults to all ports.
	Ports []int `pulumi:"ports" yaml:"ports,omitempty"`
	// Allow allows what the rule matches instead of denying it. Defaults to false.
	Allow bool `pulumi:"allow" yaml:"allow"`
}

// Access is the check of Cloudflare Access's token on each request. That of a rule
// replaces the common one as a whole.
type Access struct {
	// Required turns the check on. With false, a rule has no check although the common
	// settings have one. Required.
	Required *bool `pulumi:"required" yaml:"required"`
	// TeamName is the first part of <team>.cloudflareaccess.com. It has to be set if the
	// check is on.
	TeamName string `pulumi:"teamName" yaml:"teamName"`
	// AudTag are the application tags. A token needs one of them, so one has to be set if
	// the check is on.
	AudTag []string `pulumi:"audTag" yaml:"audTag"`
	// Environment is `fed` for FedRAMP teams, which needs cloudflared 2025.9.0 or later,
	// or empty.
	Environment string `pulumi:"environment" yaml:"environment,omitempty"`
}

// AccessDomain ends the hosts on which Cloudflare Access publishes the keys of teams.
const AccessDomain = ".cloudflareaccess.com"

// fedRAMP is the environment of FedRAMP teams, and fedDomain ends their hosts.
const (
	fedRAMP   = "fed"
	fedDomain = "." + fedRAMP + AccessDomain
)

// on reports whether requests are checked.
func (a *Access) on() bool { return a != nil && a.Required != nil && *a.Required }

// host is where the team's keys are, or empty if team or environment can't be one.
func (a *Access) host() string {
	switch {
	case !teamPattern.MatchString(a.TeamName):
		return ""
	case a.Environment == fedRAMP:
		return a.TeamName + fedDomain
	case a.Environment == "":
		return a.TeamName + AccessDomain
	}
	return ""
}

// matchesAll reports whether the rule matches every request.
func (r IngressRule) matchesAll() bool {
	return (r.Hostname == "" || r.Hostname == "*") && r.Path == ""
}

// service parses the rule's service as cloudflared does: the rule decides on
// bastion mode, and the common settings where it doesn't.
func (r IngressRule) service(common *OriginRequest) (Service, error) {
	bastionMode := false
	for _, request := range []*OriginRequest{common, r.OriginRequest} {
		if request != nil && request.BastionMode != nil {
			bastionMode = *request.BastionMode
		}
	}
	return ParseService(r.Service, bastionMode)
}

// inherit returns r with the common settings that cloudflared doesn't apply to
// rules by itself: it reads these two from the rules only, so that a common
// access would protect nothing.
func (r *OriginRequest) inherit(common *OriginRequest) *OriginRequest {
	if common == nil || common.Access == nil && common.IPRules == nil {
		return r
	}
	merged := OriginRequest{}
	if r != nil {
		merged = *r
	}
	if merged.Access == nil {
		merged.Access = common.Access
	}
	if merged.IPRules == nil {
		merged.IPRules = common.IPRules
	}
	return &merged
}
