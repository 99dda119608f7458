package components

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"k8s-tunnel/components/cloudflared"
	"k8s-tunnel/components/internal/validate"
)

// FileArgs mount a ConfigMap or a Secret of the connectors' namespace, such as the
// certificate authority of a service for [OriginRequest.CAPool]. The connectors only
// read it.
//
// cloudflared reads files when it starts. A ConfigMap's files are part of the
// Deployment, so that the update after a change rolls the connectors. A Secret isn't
// read, or its data would get into the stack's state: after a change, restart the
// Deployment.
//
// What is mounted has to exist before the preview. A program that creates it itself
// adds the volume with pulumi.Transforms, and lists it in
// [CloudflareTunnelArgs.ExistingPaths].
type FileArgs struct {
	// ConfigMap is the name of a ConfigMap. Either it or a Secret is required.
	ConfigMap string `pulumi:"configMap"`
	// Secret is the name of a Secret. The next update doesn't notice that it has
	// changed, nor a preview that it is missing.
	Secret string `pulumi:"secret"`
	// Keys are the keys that become files. With a Secret they are required, so that
	// no private key is mounted by accident. Defaults to all keys of a ConfigMap.
	Keys []string `pulumi:"keys"`
	// MountPath is the directory that gets the files, each named after its key, such
	// as /etc/origin-ca. Required.
	MountPath string `pulumi:"mountPath"`
}

// rootCA is a ConfigMap with the API server's certificate authority. Kubernetes puts
// it into every namespace, new ones included.
const (
	rootCA    = "kube-root-ca.crt"
	rootCAKey = "ca.crt" // its only one
)

// Directories that a mount would hide from cloudflared, with what they contain.
var (
	// Nothing may be mounted at or below these.
	systemTrees = []string{"/bin", "/boot", "/dev", "/etc/ssl", "/lib", "/lib64", "/proc", "/run/secrets", "/sbin", "/sys", "/usr", "/var/run/secrets"}
	// Nothing may be mounted at these; directories below them are allowed.
	systemPaths = []string{
		"/", "/etc", "/etc/group", "/etc/hostname", "/etc/hosts", "/etc/nsswitch.conf", "/etc/passwd", "/etc/resolv.conf",
		"/home", "/root", "/run", "/tmp", "/var", "/var/run",
	}
)

// Mount paths that messages suggest, for an authority of one's own and for rootCA.
const (
	exampleMount = "/etc/origin-ca"
	rootCAMount  = "/etc/cluster-ca"
)

// serviceAccountCA is where pods with a service account have rootCAKey. In some images,
// /var/run is /run.
const serviceAccountCA = "/run/secrets/kubernetes.io/serviceaccount/" + rootCAKey

func validateFiles(at string, args *CloudflareTunnelArgs) error {
	var problems []error
	for i, file := range args.Files {
		where := fmt.Sprintf("%s[%d]", at, i)
		problems = append(problems, validateFile(where, file, args.Namespace), validateMountPath(where+".mountPath", file.MountPath))
		for j, other := range args.Files[:i] {
			if overlap(file.MountPath, other.MountPath) {
				problems = append(problems, fmt.Errorf("%s.mountPath: %q and that of %s[%d], %q, are not separate directories; use another one",
					where, file.MountPath, at, j, other.MountPath))
			}
		}
	}
	for i, existing := range args.ExistingPaths {
		problems = append(problems, validatePathText(fmt.Sprintf("existingPaths[%d]", i), existing, "/run/web"))
	}
	for _, file := range args.routing().Files() {
		if !strings.ContainsFunc(file.Path, unicode.IsControl) { // else it is reported with the rules
			problems = append(problems, validateOpened(file, args))
		}
	}
	return errors.Join(problems...)
}

// validateFile checks what is mounted.
func validateFile(at string, file FileArgs, namespace string) error {
	var problems []error
	switch {
	case file.ConfigMap == "" && file.Secret == "":
		problems = append(problems, fmt.Errorf("%s: has neither a configMap nor a secret; set one", at))
	case file.ConfigMap != "" && file.Secret != "":
		problems = append(problems, fmt.Errorf("%s: has both a configMap and a secret; list them separately", at))
	case file.ConfigMap != "":
		problems = append(problems, validate.ObjectName(at+".configMap", file.ConfigMap, "a ConfigMap"))
	default:
		problems = append(problems, validate.ObjectName(at+".secret", file.Secret, "a Secret"))
		if len(file.Keys) == 0 {
			problems = append(problems, fmt.Errorf("%s.keys: not set; list the keys that the connectors need, such as ca.crt, so that no private key is mounted by accident", at))
		}
	}
	for i, key := range file.Keys {
		problems = append(problems, validate.Key(fmt.Sprintf("%s.keys[%d]", at, i), key))
		if file.ConfigMap == rootCA && key != rootCAKey {
			problems = append(problems, fmt.Errorf("%s.keys[%d]: ConfigMap %s has no key %q, only %s", at, i, rootCA, key, rootCAKey))
		}
		if slices.Contains(file.Keys[:i], key) {
			problems = append(problems, fmt.Errorf("%s.keys[%d]: %q is listed twice; remove one", at, i, key))
		}
	}
	if namespace == "" && file.ConfigMap != rootCA {
		problems = append(problems, fmt.Errorf("%s: a new namespace has no ConfigMaps but %s, and no Secrets; create a namespace with what is to be mounted, and set namespace to it", at, rootCA))
	}
	return errors.Join(problems...)
}

func validateMountPath(at, mountPath string) error {
	if mountPath == "" {
		return fmt.Errorf("%s: not set; it is the directory that gets the files, such as %s", at, exampleMount)
	}
	if err := validatePathText(at, mountPath, exampleMount); err != nil {
		return err
	}
	for _, own := range []string{cloudflared.ConfigDir, cloudflared.CredentialsDir} {
		if isBelow(mountPath, own) || isBelow(own, mountPath) {
			return fmt.Errorf("%s: %q is in the way of %s, which the connector needs itself; use another directory, such as %s", at, mountPath, own, exampleMount)
		}
	}
	inTree := slices.ContainsFunc(systemTrees, func(tree string) bool { return isBelow(mountPath, tree) })
	if inTree || slices.Contains(systemPaths, mountPath) {
		return fmt.Errorf("%s: %q belongs to the system, and the mount would hide what is there; use another directory, such as %s", at, mountPath, exampleMount)
	}
	return nil
}

// validatePathText checks the form of a path in the container.
func validatePathText(at, text, example string) error {
	switch {
	case !path.IsAbs(text) || strings.Contains(text, ":") || strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("%s: %q is not an absolute path without colons, such as %s", at, text, example)
	case path.Clean(text) != text:
		return fmt.Errorf("%s: %q is not the shortest form of the path; use %s", at, text, path.Clean(text))
	}
	return nil
}

// validateOpened reports a file of the rules that won't be in the container.
func validateOpened(file cloudflared.File, args *CloudflareTunnelArgs) error {
	name := path.Clean(file.Path)
	if path.IsAbs(name) && slices.ContainsFunc(args.ExistingPaths, func(p string) bool { return isBelow(name, p) }) {
		return nil
	}
	switch i := mountOf(args.Files, name); {
	case file.Socket:
		return fmt.Errorf("%s: nobody listens on a socket in the connector's container, and files can't provide one; let the server listen on a port, and use http://host:port; if your program adds the socket's volume to the pod, list its directory in existingPaths",
			file.Argument)
	case !path.IsAbs(name):
		return fmt.Errorf("%s: %q is not an absolute path, such as %s/ca.crt", file.Argument, file.Path, exampleMount)
	case slices.ContainsFunc(args.Files, func(f FileArgs) bool { return path.Clean(f.MountPath) == name }):
		return fmt.Errorf("%s: %s is a directory; add the name of a file in it, such as %s", file.Argument, name, path.Join(name, rootCAKey))
	case i < 0 && strings.TrimPrefix(name, "/var") == serviceAccountCA:
		return fmt.Errorf("%s: the connector's container has no %s; connectors have no service account, so add {configMap: %s, mountPath: %s} to files, and set caPool to %s",
			file.Argument, name, rootCA, rootCAMount, path.Join(rootCAMount, rootCAKey))
	case i < 0:
		return fmt.Errorf("%s: the connector's container has no %s; mount a ConfigMap with it by files, such as {configMap: origin-ca, mountPath: %s}, and set caPool to the file there; if the image has it, list it in existingPaths",
			file.Argument, name, exampleMount)
	case args.Files[i].ConfigMap == rootCA && path.Base(name) != rootCAKey:
		return fmt.Errorf("%s: ConfigMap %s has only the key %s; use %s", file.Argument, rootCA, rootCAKey, path.Join(path.Dir(name), rootCAKey))
	case len(args.Files[i].Keys) > 0 && !slices.Contains(args.Files[i].Keys, path.Base(name)):
		return fmt.Errorf("%s: %s isn't mounted; add %s to files[%d].keys", file.Argument, name, path.Base(name), i)
	}
	return nil
}

// mountOf is the index of the mount in whose directory a file lies, or -1. Mounts
// have no directories in them.
func mountOf(files []FileArgs, name string) int {
	return slices.IndexFunc(files, func(f FileArgs) bool { return f.MountPath != "" && path.Clean(f.MountPath) == path.Dir(name) })
}

// overlap reports whether two mounts, either of which may be unset, are in each other's way.
func overlap(mount, other string) bool {
	return mount != "" && other != "" && (isBelow(mount, other) || isBelow(other, mount))
}

// isBelow reports whether a path is another one or lies below it.
func isBelow(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}
