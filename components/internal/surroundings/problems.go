package surroundings

import "errors"

// packages are those whose resources have to be replaced new before old.
var packages = []string{"cloudflare", "kubernetes", "pulumi", "random"}

// Stack is a stack's configuration, the engine's own settings included. A Pulumi
// program's context is one.
type Stack interface {
	GetConfig(key string) (string, bool)
}

// Problems reports everything around a program with which it couldn't do what it
// promises.
func Problems(shell Environment, stack Stack) error {
	autonaming, _ := stack.GetConfig(autonamingKey)
	return errors.Join(shell.Problems(), Autonaming(autonaming, packages...))
}
