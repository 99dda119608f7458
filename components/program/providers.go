package program

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/internal/laststate"
	"k8s-tunnel/components/internal/surroundings"
	"k8s-tunnel/components/preflight"
)

// providers creates all providers from the stack's settings.
//
// The SDKs fill in options from variables of the shell, and record them in the state,
// where the next shell would change them again. So all of those have values here. Two
// things are left to the environment of each run where they are unset, and not
// recorded: the API's host and base path, and which is the usual kubeconfig.
func (s *stackSettings) providers(ctx *pulumi.Context, callsPerSecond int) (pulumi.ResourceOption, error) {
	cf, err := cloudflare.NewProvider(ctx, "cloudflare", &cloudflare.ProviderArgs{
		ApiToken:         pulumi.ToSecret(pulumi.String(s.cloudflare.APIToken)).(pulumi.StringOutput),
		ApiHostname:      optional(s.cloudflare.APIHostname, pulumi.StringPtr),
		ApiBasePath:      optional(s.cloudflare.APIBasePath, pulumi.StringPtr),
		Rps:              pulumi.Int(callsPerSecond),
		Retries:          pulumi.Int(cmp.Or(s.cloudflare.Retries, providerRetries)),
		MinBackoff:       pulumi.Int(preflight.MinRetryDelay),
		MaxBackoff:       pulumi.Int(preflight.MaxRetryDelay),
		ApiClientLogging: pulumi.Bool(false),
	})
	if err != nil {
		return nil, fmt.Errorf("creating the Cloudflare provider: %w", err)
	}
	k8s, err := s.kubernetesProvider(ctx)
	if err != nil {
		return nil, fmt.Errorf("creating the Kubernetes provider: %w", err)
	}
	rnd, err := random.NewProvider(ctx, "random", &random.ProviderArgs{})
	if err != nil {
		return nil, fmt.Errorf("creating the Random provider: %w", err)
	}
	return pulumi.Providers(cf, k8s, rnd), nil
}

// providerRetries is how often the Cloudflare provider repeats a call, unless the settings
// say otherwise. It waits for an answer as long as the connection lasts, half a minute and
// more, so that with its own default, 3, a command would end only after minutes.
const providerRetries = 1

// kubernetesName is the Kubernetes provider's name in the state.
const kubernetesName = "kubernetes"

// kubernetesProvider creates the Kubernetes provider. Options with which updates
// couldn't be resumed have their values here.
func (s *stackSettings) kubernetesProvider(ctx *pulumi.Context) (*kubernetes.Provider, error) {
	// Without a value, the SDK would record that of KUBECONFIG.
	kubeconfig := pulumi.StringPtrInput(pulumi.String(s.kubernetes.Kubeconfig))
	if ctx.IsConfigSecret("kubernetes:kubeconfig") {
		kubeconfig = pulumi.ToSecret(pulumi.String(s.kubernetes.Kubeconfig)).(pulumi.StringOutput).ToStringPtrOutput()
	}
	// Without an identity, another address of the same cluster would replace the
	// provider and all objects: under the same names, so that they would be adopted, and
	// then deleted by the old provider.
	cluster := surroundings.ClusterIdentity(s.kubernetes.Kubeconfig, s.kubernetes.Context)
	return kubernetes.NewProvider(ctx, kubernetesName, &kubernetes.ProviderArgs{
		Kubeconfig:             kubeconfig,
		Context:                optional(s.kubernetes.Context, pulumi.StringPtr),
		ClusterIdentifier:      optional(cluster, pulumi.StringPtr),
		EnableServerSideApply:  pulumi.Bool(true),
		EnableConfigMapMutable: pulumi.Bool(false),
		EnableSecretMutable:    pulumi.Bool(false),
		SkipUpdateUnreachable:  pulumi.Bool(false),
	}, pulumi.Transformations([]pulumi.ResourceTransformation{leaveToCommands}))
}

// leaveToCommands takes options out of the Kubernetes provider's inputs that the SDK has filled
// in from variables of the shell. Which warnings are shown, and whether to forget what is in a
// cluster that is gone, is up to each command: the provider reads the variables itself.
func leaveToCommands(provider *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
	args := provider.Props.(*kubernetes.ProviderArgs)
	args.DeleteUnreachable, args.SuppressDeprecationWarnings, args.SuppressHelmHookWarnings = nil, nil, nil
	return nil
}

// clusterOutput is the output that tells the cluster from others, if that is known, together
// with a checksum of the settings by which it was reached.
const clusterOutput = "cluster"

// cluster tells the cluster from others, or is empty.
func (s *kubernetesSettings) cluster(directory string) string {
	return surroundings.Shell().Cluster(s.Kubeconfig, s.Context, directory)
}

// checksum tells the settings from others.
func (s *kubernetesSettings) checksum() string {
	sum := sha256.Sum256([]byte(s.Kubeconfig + "\x00" + s.Context))
	return hex.EncodeToString(sum[:4])
}

// clusterMark is the value of clusterOutput, or empty.
func (s *stackSettings) clusterMark(ctx *pulumi.Context) string {
	cluster := s.kubernetes.cluster(ctx.RootDirectory())
	if cluster == "" {
		return ""
	}
	return cluster + "." + s.kubernetes.checksum()
}

// checkCluster refuses another cluster where the provider doesn't notice it: it sees whether
// its settings have changed and lead to different clusters today, and finds in the new cluster
// nothing of what it knows. Nobody would then delete what is in the old one.
func (s *stackSettings) checkCluster(ctx *pulumi.Context) error {
	resources, err := laststate.Resources(ctx)
	if err != nil {
		return err
	}
	objects := false
	var provider, outputs laststate.Outputs
	for urn, resource := range resources {
		objects = objects || strings.Contains(urn, "$kubernetes:")
		switch {
		case strings.HasSuffix(urn, "::pulumi:providers:kubernetes::"+kubernetesName):
			provider = resource
		case strings.Contains(urn, "::pulumi:pulumi:Stack::"):
			outputs = resource
		}
	}
	if provider == nil || surroundings.Shell().ForgetsUnreachable() {
		return nil
	}
	last := kubernetesSettings{Kubeconfig: provider.Text("kubeconfig"), Context: provider.Text("context")}
	was, settings, _ := strings.Cut(outputs.Text(clusterOutput), ".")
	if is := s.kubernetes.cluster(ctx.RootDirectory()); was != "" && is != "" {
		// An update that failed may have replaced the provider already.
		replaced := last == s.kubernetes && settings != last.checksum()
		noticed := last != s.kubernetes && last.Kubeconfig != "" && s.kubernetes.Kubeconfig != "" && last.cluster(ctx.RootDirectory()) == was
		if was == is || replaced || noticed {
			return nil
		}
		return fmt.Errorf("kubernetes:kubeconfig: %s leads to another cluster than at the last update, and the connectors in that one would go on serving the tunnel; "+
			"go back to the old context, or see \"Move to another cluster\" in docs/operations.md; "+
			"if the old cluster is gone for good, or has a new certificate authority, run PULUMI_K8S_DELETE_UNREACHABLE=true pulumi up --refresh",
			cmp.Or(describe(s.kubernetes.Kubeconfig), "your usual kubeconfig"))
	}
	setting, before, now := last.Kubeconfig, last.Context, s.kubernetes.Context
	if !objects || setting != "" || before == "" || now == "" || before == now {
		return nil
	}
	return fmt.Errorf("kubernetes:context: was %q so far, and the connectors in its cluster would go on serving the tunnel; "+
		"to move to the cluster of %q, set kubernetes:kubeconfig to the kubeconfig's path, run pulumi up with the old context, and then change the context; "+
		"if the context was only renamed, make it the current one, and run pulumi up --refresh=false without kubernetes:context once; "+
		"if the old cluster is gone for good, run PULUMI_K8S_DELETE_UNREACHABLE=true pulumi up --refresh", before, now)
}

// describe is a kubeconfig in messages: its path, or that it is the setting's own contents.
func describe(kubeconfig string) string {
	if strings.ContainsAny(kubeconfig, "\n{") {
		return "the given kubeconfig"
	}
	return kubeconfig
}

// optional is an input of a provider that is unset for the zero value.
func optional[T comparable, Input any](value T, input func(T) Input) Input {
	var zero T
	if value == zero {
		var none Input
		return none
	}
	return input(value)
}
