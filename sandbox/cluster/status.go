package cluster

import "time"

// Status is what Inspect finds.
type Status struct {
	// Name is the name of the node.
	Name string `json:"name"`
	// Running reports whether the node's process 1 is alive.
	Running bool `json:"running"`
	// Problem says what doesn't work in a running node; empty means that it is healthy.
	Problem string `json:"problem,omitempty"`
	// PID is the node's process 1 as seen from this machine.
	PID int `json:"pid,omitempty"`
	// Since is when the node was started.
	Since time.Time `json:"since,omitzero"`
	// Server is the address of the API server, Kubeconfig the file with the administrator's access
	// to it.
	Server     string `json:"server"`
	Kubeconfig string `json:"kubeconfig"`
	// Logs is the directory with the logs of all programs.
	Logs string `json:"logs"`
	// Components are the node's programs in order of start.
	Components []Component `json:"components,omitempty"`
}

// Healthy reports whether the node runs and everything in it answers.
func (s Status) Healthy() bool { return s.Running && s.Problem == "" }

// Component is what the node says about one of its programs.
type Component struct {
	Name    string `json:"name"`
	Running bool   `json:"running"`
	// Ready says that it has answered since it was last started.
	Ready bool `json:"ready"`
	// Restarts counts how often it ended and was started again.
	Restarts int `json:"restarts"`
	// PID is the process as seen from this machine, 0 when it isn't known.
	PID int `json:"pid"`
}
