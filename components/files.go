package components

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/cloudflared"
)

// annotationFiles on a pod is a checksum of the ConfigMaps that it mounts. They
// aren't the stack's, so their names don't follow from their contents: without the
// annotation, no connector would be restarted for a new certificate authority.
const annotationFiles = "k8s-tunnel/files"

// mounted reads the ConfigMaps that the connectors mount, and returns their pods'
// annotation about them, or nil if there are none. Reading them makes the preview
// fail when one is missing; otherwise pods would wait for it, and the update with
// them, without a word about the reason.
//
// Secrets aren't read, because the engine would store all of their data.
func (d *declaration) mounted() (pulumi.StringMap, error) {
	var names []string
	var contents []any
	for _, file := range d.args.Files {
		// A namespace that is yet to be created has no ConfigMaps to read.
		if file.ConfigMap == "" || d.args.Namespace == "" || slices.Contains(names, file.ConfigMap) {
			continue
		}
		read := &corev1.ConfigMap{}
		object := clusterObject{group: "core/v1", kind: "ConfigMap", namespace: d.args.Namespace, name: file.ConfigMap}
		if err := object.read(d.ctx, d.name+"-file-"+file.ConfigMap, read, pulumi.Parent(d.component), d.namespace.first()); err != nil {
			return nil, fmt.Errorf("reading ConfigMap %s in namespace %s: %w", file.ConfigMap, d.args.Namespace, err)
		}
		d.previous = append(d.previous, read)
		names, contents = append(names, file.ConfigMap), append(contents, read.Data)
	}
	if len(names) == 0 {
		return nil, nil
	}
	return pulumi.StringMap{annotationFiles: pulumi.All(contents...).ApplyT(func(contents []any) (string, error) {
		data := map[string]map[string]string{}
		for i, configMap := range names {
			data[configMap], _ = contents[i].(map[string]string)
		}
		return filesChecksum(d.args, data)
	}).(pulumi.StringOutput)}, nil
}

// filesChecksum is the value of annotationFiles for the data of the ConfigMaps that
// were read. It reports keys that a ConfigMap lacks, and certificate authorities that
// are none: pods wouldn't start, or trust nobody.
//
// A ConfigMap's binary data isn't known of: in a preview, the engine doesn't tell an
// output that an object lacks from one that it is yet to get.
func filesChecksum(args *CloudflareTunnelArgs, data map[string]map[string]string) (string, error) {
	var problems []error
	var mounted []byte
	for i, file := range sortedFiles(args.Files) {
		content, read := data[file.ConfigMap]
		if !read {
			continue
		}
		keys := slices.Sorted(maps.Keys(content))
		for _, key := range file.Keys {
			if !slices.Contains(keys, key) {
				problems = append(problems, noKey("files", file, key, keys))
			}
		}
		if len(file.Keys) > 0 {
			keys = slices.Sorted(slices.Values(file.Keys))
		}
		for _, key := range keys {
			mounted = fmt.Appendf(mounted, "%d %q %q", i, key, content[key])
		}
	}
	for _, opened := range args.routing().Files() {
		if i := mountOf(args.Files, path.Clean(opened.Path)); i >= 0 && !opened.Socket {
			if content, read := data[args.Files[i].ConfigMap]; read {
				problems = append(problems, checkCAPool(opened, args.Files[i], content))
			}
		}
	}
	return checksum(mounted), errors.Join(problems...)
}

// checkCAPool checks a caPool that is a key of a ConfigMap with this content.
func checkCAPool(opened cloudflared.File, file FileArgs, content map[string]string) error {
	key := path.Base(opened.Path)
	text, found := content[key]
	switch {
	case !found && slices.Contains(file.Keys, key):
		return nil // reported
	case !found:
		return noKey(opened.Argument, file, key, slices.Sorted(maps.Keys(content)))
	case !x509.NewCertPool().AppendCertsFromPEM([]byte(text)):
		return fmt.Errorf("%s: key %s of ConfigMap %s is not a certificate in PEM, which begins with -----BEGIN CERTIFICATE-----", opened.Argument, key, file.ConfigMap)
	}
	return nil
}

func noKey(argument string, file FileArgs, key string, keys []string) error {
	return fmt.Errorf("%s: ConfigMap %s has no key %s, for %s; it has %s",
		argument, file.ConfigMap, key, file.MountPath, cmp.Or(strings.Join(keys, ", "), "none"))
}

// sortedFiles are the mounts in an order that doesn't depend on that in the list, so
// that moving one doesn't roll the connectors.
func sortedFiles(files []FileArgs) []FileArgs {
	return slices.SortedFunc(slices.Values(files), func(a, b FileArgs) int { return cmp.Compare(a.MountPath, b.MountPath) })
}

func addFiles(spec *corev1.PodSpecArgs, container *corev1.ContainerArgs, files []FileArgs) {
	volumes, mounts := spec.Volumes.(corev1.VolumeArray), container.VolumeMounts.(corev1.VolumeMountArray)
	for i, file := range sortedFiles(files) {
		var items corev1.KeyToPathArray
		for _, key := range slices.Sorted(slices.Values(file.Keys)) {
			items = append(items, &corev1.KeyToPathArgs{Key: pulumi.String(key), Path: pulumi.String(key)})
		}
		volume := &corev1.VolumeArgs{Name: pulumi.Sprintf("files-%d", i)}
		if file.Secret != "" {
			volume.Secret = &corev1.SecretVolumeSourceArgs{
				SecretName: pulumi.String(file.Secret), Items: items, DefaultMode: pulumi.Int(groupReadable),
			}
		} else {
			source := &corev1.ConfigMapVolumeSourceArgs{Name: pulumi.String(file.ConfigMap), DefaultMode: pulumi.Int(groupReadable)}
			if len(items) > 0 {
				source.Items = items
			}
			volume.ConfigMap = source
		}
		volumes = append(volumes, volume)
		mounts = append(mounts, mount(fmt.Sprintf("files-%d", i), file.MountPath))
	}
	spec.Volumes, container.VolumeMounts = volumes, mounts
}
