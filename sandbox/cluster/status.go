package cluster

// Status is what Inspect finds.
type Status struct {
	// Running reports whether the node's process 1 is alive.
	Running bool
	// Problem says what doesn't work in a running node; empty means that it is healthy.
	Problem string
}

// Healthy reports whether the node runs and everything in it answers.
func (s Status) Healthy() bool { return s.Running && s.Problem == "" }
