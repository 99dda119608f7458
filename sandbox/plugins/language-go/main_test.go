package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestKeeps(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	if err := os.MkdirAll(filepath.Join(project, ".sandbox", "program"), 0o755); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	target := filepath.Join(project, ".sandbox", "program", "k8s-tunnel")
	tests := []struct {
		name            string
		target, project string
		args            []string
		want            bool
	}{
		{"the project's own target", target, project, []string{"127.0.0.1:1"}, true},
		{"no target", "", project, nil, false},
		{"a relative target", ".sandbox/program/k8s-tunnel", project, nil, false},
		{"another project", target, other, nil, false},
		{"a folder that is not there", filepath.Join(project, "gone", "k8s-tunnel"), project, nil, false},
		{"a program given", target, project, []string{"-binary=x", "127.0.0.1:1"}, false},
		{"a target given", target, project, []string{"--buildTarget", "x", "127.0.0.1:1"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := keeps(test.target, test.project, test.args); got != test.want {
				t.Errorf("keeps = %v, want %v", got, test.want)
			}
		})
	}
}

func TestOverride(t *testing.T) {
	t.Parallel()
	got := override([]string{"A=1", "GOFLAGS=-race", "B=2"}, []string{"GOFLAGS=-trimpath"})
	if want := []string{"A=1", "B=2", "GOFLAGS=-trimpath"}; !slices.Equal(got, want) {
		t.Errorf("override = %v, want %v", got, want)
	}
}

func TestPreparedBinary(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, project, want string }{
		{"none", "name: k8s-tunnel\nruntime: go\n", ""},
		{"other options", "runtime:\n  name: go\n  options:\n    buildTarget: x\n", ""},
		{"a binary", "runtime:\n  name: go\n  options:\n    binary: k8s-tunnel\n", "k8s-tunnel"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			project := t.TempDir()
			if err := os.WriteFile(filepath.Join(project, "Pulumi.yaml"), []byte(test.project), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := preparedBinary(project); err != nil || got != test.want {
				t.Errorf("preparedBinary = %q, %v, want %q", got, err, test.want)
			}
		})
	}
	if got, err := preparedBinary(t.TempDir()); err != nil || got != "" {
		t.Errorf("outside of a project: %q, %v", got, err)
	}
}
