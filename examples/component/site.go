package main

import (
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// newSite declares a Deployment, its Service, and an Ingress for the host.
func newSite(ctx *pulumi.Context, name, host, image string) error {
	labels := pulumi.StringMap{"app.kubernetes.io/name": pulumi.String(name)}
	if _, err := appsv1.NewDeployment(ctx, name, &appsv1.DeploymentArgs{
		Spec: &appsv1.DeploymentSpecArgs{
			Selector: &metav1.LabelSelectorArgs{MatchLabels: labels},
			Template: &corev1.PodTemplateSpecArgs{
				Metadata: &metav1.ObjectMetaArgs{Labels: labels},
				Spec: &corev1.PodSpecArgs{Containers: corev1.ContainerArray{&corev1.ContainerArgs{
					Name:           pulumi.String("site"),
					Image:          pulumi.String(image),
					Ports:          corev1.ContainerPortArray{&corev1.ContainerPortArgs{Name: pulumi.String("http"), ContainerPort: pulumi.Int(8080)}},
					ReadinessProbe: &corev1.ProbeArgs{HttpGet: &corev1.HTTPGetActionArgs{Path: pulumi.String("/"), Port: pulumi.String("http")}},
				}}},
			},
		},
	}); err != nil {
		return err
	}
	service, err := corev1.NewService(ctx, name, &corev1.ServiceArgs{
		Spec: &corev1.ServiceSpecArgs{
			Selector: labels,
			Ports:    corev1.ServicePortArray{&corev1.ServicePortArgs{Name: pulumi.String("http"), Port: pulumi.Int(80), TargetPort: pulumi.String("http")}},
		},
	})
	if err != nil {
		return err
	}
	_, err = networkingv1.NewIngress(ctx, name, &networkingv1.IngressArgs{
		// Pulumi would wait until the ingress controller has an address of its own. Behind a tunnel, it
		// needs none.
		Metadata: &metav1.ObjectMetaArgs{Annotations: pulumi.StringMap{"pulumi.com/skipAwait": pulumi.String("true")}},
		Spec: &networkingv1.IngressSpecArgs{
			Rules: networkingv1.IngressRuleArray{&networkingv1.IngressRuleArgs{
				Host: pulumi.String(host),
				Http: &networkingv1.HTTPIngressRuleValueArgs{Paths: networkingv1.HTTPIngressPathArray{&networkingv1.HTTPIngressPathArgs{
					Path:     pulumi.String("/"),
					PathType: pulumi.String("Prefix"),
					Backend: &networkingv1.IngressBackendArgs{Service: &networkingv1.IngressServiceBackendArgs{
						Name: service.Metadata.Name().Elem(),
						Port: &networkingv1.ServiceBackendPortArgs{Name: pulumi.String("http")},
					}},
				}}},
			}},
		},
	})
	return err
}
