package cloudflare

// CA returns the certificate that clients of the API, the edge and the front must trust.
func (s *Server) CA() []byte { return s.authority.PEM() }

// EdgeAddrs returns the addresses that the edge listens on.
func (s *Server) EdgeAddrs() []string { return s.edge.Addrs() }
