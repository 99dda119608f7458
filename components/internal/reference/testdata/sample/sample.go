// Package sample has structs with everything that the reference shows.
package sample

// DefaultPort and Most are constants, one of them computed.
const (
	DefaultPort = 10 * base
	DefaultHost = "web.example.com"
	base        = 8
)

// Args are the settings.
type Args struct {
	// Host is the host to use instead of [DefaultHost]; see also [Block.Peers].
	// Required.
	Host string `pulumi:"host"`
	// Port is the port of [Args.Host]. Defaults to [DefaultPort].
	Port int `pulumi:"port"`
	// Limit is an integer without a default, such as 3|4, <5> or *.6.
	Limit int `pulumi:"limit"`
	// Force overrides everything. Defaults to false.
	Force bool `pulumi:"force"`
	// Name begins all names. Defaults to the name of the host.
	Name string `pulumi:"name"`
	// Block has more.
	Block *Block `pulumi:"block"`
	// Peers are others.
	Peers []Peer `pulumi:"peers"`
	// Hidden is no setting.
	Hidden string
}

// Block is a block of settings.
type Block struct {
	// Labels are added.
	Labels map[string]string `pulumi:"labels"`
	// Peers are listed here. Defaults to 30s.
	Peers []Peer `pulumi:"peers"`
}

// Peer is used twice.
type Peer struct {
	// Ports are a peer's ports.
	Ports []int `pulumi:"ports"`
}

// Undocumented lacks a comment.
type Undocumented struct {
	Field string `pulumi:"field"`
}

// Dangling links to what isn't there.
type Dangling struct {
	// Field is instead of [Args.Gone].
	Field string `pulumi:"field"`
}
